; Elements written in JSX.
(jsx_opening_element name: (identifier)) @element
(jsx_self_closing_element name: (identifier)) @element
(jsx_closing_element name: (_)) @closing_element
