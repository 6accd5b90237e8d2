"""The server's own decisions: the audit log, review texts, shadow scoring, and what is read off them. ``docs/audit.md``.

May import `serving.evals` and what stands below it.
"""
