"""The configuration: one frozen object from defaults, profile, file, environment and overrides.

May import `serving.auth` and `serving.api`.
"""
