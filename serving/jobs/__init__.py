"""Jobs: submitted, claimed, run row by row, resumed after a kill.

May import `serving.store`, `serving.redaction` and what lies below.
"""
