; Uses of names, and the locals that only matter to them.
(type_parameter) @type_parameter
(const_parameter) @type_parameter
(function_type) @signature
(closure_expression) @closure
(parameter) @parameter
(closure_parameters) @closure_parameters
(let_declaration) @let
(let_condition) @let
(for_expression) @for
(match_arm pattern: (match_pattern)) @arm
(lifetime) @lifetime
(label) @lifetime
(token_tree) @tokens
(token_tree_pattern) @tokens
(macro_invocation) @macro
(struct_expression) @literal
(call_expression) @call
(assignment_expression) @assignment
(field_expression) @field
(scoped_identifier) @scoped
(scoped_type_identifier) @scoped_type
(type_identifier) @type
(identifier) @name
