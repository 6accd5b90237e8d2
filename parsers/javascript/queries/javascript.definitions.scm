(class_body (field_definition) @field)
