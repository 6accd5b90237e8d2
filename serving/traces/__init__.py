"""Traces: calls of language models in by OpenTelemetry and plain JSON, conversations out, scored by themselves.

May import `serving.jobs`, `serving.lanes`, `serving.redaction`, `serving.store` and what lies below.
"""
