; Uses of names, and the locals that only matter to them.
(short_var_declaration) @short_var
(range_clause) @range
(receive_statement) @receive
(type_switch_statement) @type_switch
(function_type) @signature
(type_parameter_declaration) @type_parameter
(parameter_declaration) @parameter
(variadic_parameter_declaration) @parameter
(composite_literal) @literal
(keyed_element) @keyed
(call_expression) @call
(type_conversion_expression) @conversion
(assignment_statement) @assignment
(selector_expression) @selector
(qualified_type) @qualified_type
(type_identifier) @type
(identifier) @name
