"""Model work shared by requests: rounds by padded tokens, priorities, caches of vectors and verdicts.

May import `serving.api`; knows neither HTTP nor Ray.
"""
