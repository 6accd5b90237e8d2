"""Evaluation without input or output: statistics of paired runs and judges, retrieval metrics, comparison, gate."""
