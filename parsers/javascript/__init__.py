"""JavaScript, TypeScript and TSX: queries of their grammars and the handler of each capture.

May import `parsers.syntax`.
"""
