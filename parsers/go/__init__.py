"""Go: queries of its grammar and the handler of each capture.

May import `parsers.syntax`.
"""
