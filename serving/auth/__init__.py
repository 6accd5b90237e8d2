"""API keys: the file that holds their hashes, and who a request is.

May import `serving.api`.
"""
