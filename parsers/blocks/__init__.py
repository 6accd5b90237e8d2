"""The pieces of a text that are code: fences, diffs, files of a context, and where each belongs.

May import `parsers.syntax`; judges nothing.
"""
