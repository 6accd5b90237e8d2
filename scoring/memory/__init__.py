"""Working memory of a session: what stays in the bounded hot context, and what repair brings back.

Imports no other room of `scoring`.
"""
