"""Evaluation without input or output: statistics of paired runs and of judges, retrieval metrics."""
