"""The contract: errors, request schemas, response declarations, what lanes take and give.

The bottom of `serving`: imports no other room.
"""
