"""Statistics of evaluation: paired intervals and tests, corrections, power, judges, retrieval.

``docs/statistics.md`` says when which one is used; coverage and size are simulated in the tests.
"""

from scoring.evals.statistics.agreement import Agreement, judge_agreement
from scoring.evals.statistics.corrections import benjamini_hochberg, holm
from scoring.evals.statistics.intervals import Estimate, PairedCounts, newcombe_paired, wilson
from scoring.evals.statistics.paired import TestResult, cluster_t, exact_mcnemar, sign_flip
from scoring.evals.statistics.power import cases_needed, smallest_visible_effect
from scoring.evals.statistics.prediction_powered import JudgedRate, judged_rate, weighted_rate
from scoring.evals.statistics.retrieval import hit_at_k, ndcg_at_k, recall_at_k, reciprocal_rank
from scoring.evals.statistics.sequential import paired_e_value

__all__ = [
    "Agreement",
    "Estimate",
    "JudgedRate",
    "PairedCounts",
    "TestResult",
    "benjamini_hochberg",
    "cases_needed",
    "cluster_t",
    "exact_mcnemar",
    "hit_at_k",
    "holm",
    "judge_agreement",
    "judged_rate",
    "ndcg_at_k",
    "newcombe_paired",
    "paired_e_value",
    "recall_at_k",
    "reciprocal_rank",
    "sign_flip",
    "smallest_visible_effect",
    "weighted_rate",
    "wilson",
]
