"""Sessions: events, turns, bounded context, repair.

May import `serving.store`, `serving.redaction` and what lies below.
"""
