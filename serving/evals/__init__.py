"""Evaluation: versions, cases, suites, graders, targets, runs, comparison and gate. ``docs/evals.md`` is the contract."""
