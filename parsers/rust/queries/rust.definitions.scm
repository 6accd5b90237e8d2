; Names that Rust code gives meaning to.
(use_declaration) @use
(extern_crate_declaration) @extern_crate
(attribute_item) @attribute_item
(inner_attribute_item) @attribute_item
(function_item) @function
(function_signature_item) @function
(struct_item) @struct
(union_item) @struct
(enum_item) @enum
(trait_item) @trait
(impl_item) @impl
(mod_item) @module
(const_item) @constant
(static_item) @constant
(type_item) @type_alias
(associated_type) @type_alias
(macro_definition) @macro_definition
(source_file (macro_invocation) @item_macro)
(source_file (expression_statement (macro_invocation) @item_macro))
(declaration_list (macro_invocation) @item_macro)
