; What the rules ask of a text beyond its names (parsers.syntax.facts).
(comment) @fact_comment
(call function: (identifier) arguments: (argument_list)) @fact_call
(call function: (attribute) arguments: (argument_list)) @fact_call
(match_statement subject: (_) @fact_subject)
(comparison_operator (call function: (identifier))) @fact_comparison
(comparison_operator (string)) @fact_comparison
(subscript value: (_) subscript: (string)) @fact_subscript
(subscript value: (attribute) subscript: (identifier)) @fact_subscript
(subscript value: (call) subscript: (identifier)) @fact_subscript
[(list (string)) (tuple (string)) (set (string)) (dictionary (pair key: (string)))] @fact_listed
(assignment left: (identifier) right: (_)) @fact_assignment
(try_statement body: (block [(import_from_statement) (import_statement)] @fact_guarded))
(except_clause (block [(import_from_statement) (import_statement)] @fact_guarded))
(else_clause body: (block [(import_from_statement) (import_statement)] @fact_guarded))
(if_statement condition: (_) consequence: (block [(import_from_statement) (import_statement)])) @fact_checked
(elif_clause condition: (_) consequence: (block [(import_from_statement) (import_statement)])) @fact_checked
