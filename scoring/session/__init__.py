"""The state of a session over its turns; only `update` changes it.

May import the values at the root of `scoring`.
"""
