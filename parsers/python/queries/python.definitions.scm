; Names that Python code gives meaning to. Each capture is read by the handler of the same name in extract_python.py.
(function_definition) @function
(class_definition) @class
(decorated_definition) @decorated
(assignment) @assignment
(type_alias_statement) @type_alias
(import_statement) @import
(import_from_statement) @import_from
(future_import_statement) @import_future
(global_statement) @global
(return_statement (_)) @return
(lambda) @lambda
((call function: (identifier) @dynamic_name) @dynamic
  (#any-of? @dynamic_name "setattr" "exec" "eval" "globals" "vars" "__import__"))
