; Text between tags is no code.
(jsx_text) @fact_quoted
