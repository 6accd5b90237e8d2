(function_type) @signature
(constructor_type) @signature
(call_signature) @signature
(construct_signature) @signature
(type_parameter) @type_parameter
(index_signature) @index_name
(mapped_type_clause) @mapped
(infer_type) @infer
(type_predicate) @predicate
(nested_type_identifier) @nested_type
(type_identifier) @type
(tuple_type (required_parameter) @label)
(tuple_type (optional_parameter) @label)
