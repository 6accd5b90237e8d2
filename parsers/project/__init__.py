"""All files of a context as one project: entities, modules, packages, import paths, the standard library.

May import the languages, `parsers.syntax` and `parsers.builtins`; knows nothing of a response.
"""
