"""One source file as a syntax tree: languages, parsing within limits, the symbols that a tree holds.

A language plugs in by a row in `languages.py` and a folder of its own. May import `parsers.values`.
"""
