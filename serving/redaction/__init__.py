"""Secrets and personal data out of whatever is kept.

May import `serving.api` and the values of `serving.store`.
"""
