"""What words mean to each other: base forms, synonyms, opposites, derivations, classes whose members exclude each other.

Data and lookups only; imports nothing of ours. ``english.json.gz`` is generated from WordNet by ``parsers.words.generate``.
"""
