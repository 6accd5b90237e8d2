; Names that Go code gives meaning to.
(package_clause (package_identifier) @package)
(import_spec) @import
(type_spec) @type_spec
(type_alias) @type_spec
(function_declaration) @function
(method_declaration) @method
(func_literal) @closure
(const_spec) @const
(var_spec) @var
