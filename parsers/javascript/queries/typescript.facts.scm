; Casts, predicates and names that types are made of.
[(as_expression) (satisfies_expression)] @fact_cast
(type_predicate name: (identifier) @fact_narrowed)
(infer_type (type_identifier) @fact_inferred)
(literal_type (string) @fact_literal_type)
