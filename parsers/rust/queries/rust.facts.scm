; What the rules ask of a text beyond its names (parsers.syntax.facts).
[(line_comment) (block_comment)] @fact_comment
[(string_literal) (raw_string_literal) (char_literal)] @fact_quoted
(token_tree (identifier) @fact_macro . "!")
