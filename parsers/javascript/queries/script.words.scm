; What is no code: the words of context files are counted without it.
(comment) @fact_comment
[(string) (regex)] @fact_quoted
(template_string (string_fragment) @fact_quoted)
