"""The RAG lane: evidence for claims, literals and cells, fusion of signals, the score of an answer.

May import the values at the root of `scoring`, `parsers.values` and `models.types`.
"""
