"""Stored chunks: text and token vectors that requests name by id.

May import `serving.store`, `serving.redaction` and what lies below.
"""
