; Uses of names, and the locals that only matter to them.
(formal_parameters) @parameters
(arrow_function parameter: (identifier)) @parameter
(catch_clause) @catch
(for_in_statement) @for_in
(decorator) @decorator
(call_expression) @call
(new_expression) @new
(member_expression) @member
(identifier) @name
(shorthand_property_identifier) @name
(this) @this
