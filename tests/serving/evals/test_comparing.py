"""Two runs beside each other: retrieval is asked and named before answers."""

from __future__ import annotations

from scoring.evals.gate import Policy
from serving.evals.answers import Answer, RetrievedDocument
from serving.evals.cases import read_case
from serving.evals.comparing import by_task, compare_runs, retrieval_first
from serving.evals.graders.table import grade_answer, passes
from serving.evals.graders.types import Services
from serving.evals.runs import UnitResult


def _case(name, graders):
    docs = [{"document_id": "fees", "snippet": "35 euros"}]
    return read_case(
        {"task_id": name, "input_messages": "?", "reference_answer": "35", "relevant_docs": docs, "graders": graders}
    )


ALONE = _case("alone", [{"kind": "hit_at_k", "k": 3}])
BOTH = _case("both", [{"kind": "contains", "text": "35"}, {"kind": "mrr", "k": 3}])
ANSWER = _case("answer", [{"kind": "contains", "text": "35"}])
CASES = [ANSWER, BOTH, ALONE]


async def _run(text, documents):
    answer = Answer(text, tuple(RetrievedDocument(one) for one in documents))
    results = []
    for case in CASES:
        grades = await grade_answer(case, answer, Services())
        results.append(UnitResult(case.task_id, 0, answer, grades, *passes(grades, answer)))
    return by_task(results)


def test_cases_of_retrieval_alone_come_first():
    assert retrieval_first(CASES) == ((ALONE,), (ANSWER, BOTH))


async def test_lost_documents_are_named_before_the_answers_they_spoil():
    before, after = await _run("35 euros", ["fees"]), await _run("no idea", ["other"])
    found = compare_runs(CASES, before, after, Policy())
    assert found.retrieval_regressed == ("both", "alone")
    assert found.sentence.startswith("retrieval of 2 cases regressed; 0 known failures fixed")
    names = [one.measure.name for one in found.measures]
    assert max(names.index("hit_at_k"), names.index("mrr")) < names.index("contains")


async def test_a_worse_answer_with_the_same_documents_is_no_fault_of_retrieval():
    before, after = await _run("35 euros", ["fees"]), await _run("no idea", ["fees"])
    found = compare_runs(CASES, before, after, Policy())
    assert (found.retrieval_regressed, "retrieval" in found.sentence) == ((), False)
    assert set(found.regressed) == {"answer", "both"}
