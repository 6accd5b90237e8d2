; What the rules ask of a text beyond its names (parsers.syntax.facts).
(if_statement condition: (parenthesized_expression (_) @fact_asked))
(while_statement condition: (parenthesized_expression (_) @fact_asked))
(ternary_expression condition: (_) @fact_asked)
(unary_expression argument: (member_expression)) @fact_typeof
(member_expression object: (_) @fact_asked optional_chain: (_))
(binary_expression) @fact_binary
(call_expression arguments: (arguments)) @fact_call
(for_in_statement) @fact_for_in
(subscript_expression) @fact_subscript
(assignment_expression left: (subscript_expression) @fact_computed)
(assignment_expression left: (identifier) @fact_assigned)
(augmented_assignment_expression left: (identifier) @fact_assigned)
[(array (string)) (pair key: (string))] @fact_listed
[(function_expression) (function_declaration) (generator_function) (generator_function_declaration) (method_definition) (class_body)] @fact_own_this
