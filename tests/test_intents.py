"""Tasks that ask for several things: what is cut, what is matched, what is merged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Router
from router.decision.intents import MAX_CLAUSES, clauses
from router.evaluation.cases import read_cases
from router.evaluation.measuring import evaluate

TESTS = Path(__file__).parent
BOTH = "optimize the slow sql queries and then deploy the new version to production"


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("optimize slow queries", ()),
        (BOTH, ("optimize the slow sql queries", "deploy the new version to production")),
        ("write the tests. Then ship it!", ("write the tests", "ship it")),
        ("1) write the tests 2) ship it", ("write the tests", "ship it")),
        ("before you ship it, write the tests", ("before you ship it", "write the tests")),
        ("tests for v1.2.3 of app.py", ()),
        ("one\n\ntwo", ()),
        ("a b\n" * (MAX_CLAUSES + 1), ()),
        ("", ()),
    ],
)  # fmt: skip
def test_clauses(task: str, expected: tuple[str, ...]) -> None:
    assert clauses(task) == expected


@given(st.text())
def test_clauses_are_parts_of_the_task_in_order(task: str) -> None:
    place = 0
    for clause in clauses(task):
        place = task.index(clause, place) + len(clause)


def test_two_intents_give_two_matches_in_order_and_one_bundle(router: Router) -> None:
    decision = router.route(BOTH)
    assert [match.route for match in decision.matches] == [
        "backend-developer/database-optimization",
        "deployer/rollout",
    ]
    assert [match.clause for match in decision.matches] == list(clauses(BOTH))
    paths = [link.path for link in decision.bundle]
    assert len(paths) == len(set(paths))
    assert [
        part.source for part in router.assemble(decision).parts if part.role == "prompt"
    ] == paths
    assert decision.line.count("  +  ") == 1


def test_one_intent_gives_one_match(router: Router) -> None:
    decision = router.route("the queries are slow, please optimize the slow database queries")
    assert [match.route for match in decision.matches] == [
        "backend-developer/database-optimization"
    ]
    assert decision.matches == decision.candidates[:1]


def test_an_agent_is_in_a_context_once(router: Router) -> None:
    """However many of its rules are matched."""
    decision = router.route("write unit tests for the parser; then run a load test with k6")
    parts = router.assemble(decision).parts
    assert [match.agent for match in decision.matches] == ["tester", "tester"]
    assert [part.title for part in parts if part.role == "agent"] == ["tester"]


def test_compound_tasks(router: Router) -> None:
    """A floor under what the README reports: precision and recall of the matches."""
    cases = read_cases(TESTS / "compound.jsonl", router.routes)
    rates = evaluate(router.route, cases).rates
    assert rates["match_precision"].value > 0.7
    assert rates["match_recall"].value > 0.5
    assert rates["split_one"].value < 0.2
