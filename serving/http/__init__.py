"""HTTP: the gateway application, its edge, limits, documentation and routes.

May import every room but `serving.ray`, `serving.cli` and `serving.batch`.
"""
