; What the rules ask of a text beyond its names (parsers.syntax.facts).
(comment) @fact_comment
(call_expression function: (selector_expression) arguments: (argument_list (interpreted_string_literal))) @fact_call
