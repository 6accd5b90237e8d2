; Shared by JavaScript, TypeScript and TSX. Each capture is read by the handler of the same name.
(export_statement) @export
(import_statement) @import
(function_declaration) @function
(generator_function_declaration) @function
(class_declaration) @class
(class) @class
(class_body (method_definition) @method)
(object (method_definition) @object_method)
(arrow_function) @closure
(function_expression) @closure
(generator_function) @closure
(variable_declarator) @declarator
(assignment_expression) @assignment
(return_statement (_)) @return
((call_expression function: (identifier) @_callee arguments: (arguments . (string))) @require
  (#eq? @_callee "require"))
(call_expression function: (import)) @require
((call_expression function: (member_expression) @_callee) @extending
  (#any-of? @_callee "Object.assign" "Object.defineProperty" "Object.defineProperties" "Object.setPrototypeOf" "Reflect.defineProperty"))
((call_expression function: (_) @_callee) @export_star (#match? @_callee "^([a-z_]+[.])?__export(Star)?$"))
((call_expression arguments: (arguments [(identifier) (member_expression)] @_given)) @exports_handed
  (#any-of? @_given "exports" "module.exports"))
((call_expression function: (_) @_callee) @inherits (#match? @_callee "^(util[.])?inherits$"))
((call_expression function: (identifier) @_callee) @evaluating (#eq? @_callee "eval"))
((new_expression constructor: (identifier) @_callee) @evaluating (#any-of? @_callee "Proxy" "Function"))
