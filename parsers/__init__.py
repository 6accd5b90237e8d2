"""Parsers: source text in, typed symbols, cells and quantities out."""
