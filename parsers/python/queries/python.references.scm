; Uses of names, and the locals that only matter to them.
(named_expression) @walrus
(for_statement) @for
(for_in_clause) @for
(as_pattern) @as
(case_pattern) @case
(class_pattern) @case_class
(keyword_pattern) @case_keyword
(splat_pattern) @case_splat
(decorator) @decorator
(type) @type
(call) @call
(attribute) @attribute
(identifier) @name
