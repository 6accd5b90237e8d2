"""Reviews: scores, labels, suggestions, causes, the queue, and eval cases made of what was found.

May import `serving.evals`, `serving.traces` and what lies below.
"""
