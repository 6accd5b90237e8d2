; What TypeScript adds.
(abstract_class_declaration) @class
(function_signature) @function
(class_body (public_field_definition) @field)
(class_body (method_signature) @method)
(class_body (abstract_method_signature) @method)
(class_body (index_signature) @index_signature)
(interface_declaration) @interface
(interface_body (property_signature) @property)
(interface_body (method_signature) @method)
(interface_body (index_signature) @index_signature)
(object_type (property_signature) @inline_property)
(object_type (method_signature) @inline_method)
(enum_declaration) @enum
(type_alias_declaration) @type_alias
(internal_module) @module
(module) @module
(import_alias) @import_alias
