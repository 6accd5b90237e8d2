"""The code lane: one score from symbols, literals and alignment.

May import the values at the root of `scoring`.
"""
