"""A claim beside the one sentence of the source that says nearly the same: what differs, and what that difference means.

Words alone, no model: polarity, opposites, exchanged arguments, another member of a class in the same slot, restatements.
May import ``parsers`` and the values of ``scoring``.
"""
