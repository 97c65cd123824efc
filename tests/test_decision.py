"""Ranking, confidence, abstention."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Router, TaskError, UsageError
from router.decision.deciding import Decision, decide
from router.library.records import Agent, Route, Rule
from router.model.calibration import (
    LEXICAL,
    MAX_CONSTANT,
    WITH_SENSES,
    Calibration,
    Routing,
    Scale,
    Slopes,
    confidence,
    confidences,
)
from router.model.scores import Scores, Word

SCORES = st.lists(st.floats(-1, 3), min_size=1, max_size=30)
KNOWN = Word("word", (None, None, None), (0.0, 0.0, 0.0), known=True)


@given(SCORES, st.sampled_from([WITH_SENSES, LEXICAL]))
def test_confidences_never_reorder(scores: list[float], calibration: Calibration) -> None:
    found = confidences(calibration, scores)
    assert all(0.0 <= value <= 1.0 for value in found)
    by_score = sorted(range(len(scores)), key=lambda i: -scores[i])
    ordered = [found[i] for i in by_score]
    assert ordered == sorted(ordered, reverse=True)


CONSTANTS = st.floats(0, MAX_CONSTANT)
ROUTINGS = st.builds(
    Routing,
    st.floats(0, 1),
    st.builds(Slopes, st.floats(-MAX_CONSTANT, MAX_CONSTANT), CONSTANTS, CONSTANTS),
)


@given(SCORES, ROUTINGS, st.floats(-1, 1), st.floats(-1, 1), st.booleans())
def test_no_setting_that_a_library_may_have_reorders(
    scores: list[float], routing: Routing, unrelated: float, own: float, floored: bool
) -> None:
    """And the best route's confidence grows with its score, whatever the others have."""
    calibration = routing.over(WITH_SENSES)
    scale = Scale(unrelated, own, floored or len(scores) == 1)
    found = confidences(calibration, scores, scale)
    by_score = sorted(range(len(scores)), key=lambda i: -scores[i])
    ordered = [found[i] for i in by_score]
    assert ordered == sorted(ordered, reverse=True)
    best = by_score[0]
    raised = [*scores[:best], scores[best] + 0.5, *scores[best + 1 :]]
    assert confidences(calibration, raised, scale)[best] >= found[best]
    floor = [scale.unrelated] if scale.floored else []
    rival = max([*floor, *scores[:best], *scores[best + 1 :]])
    assert found[best] == confidence(calibration, scale.of(scores[best]), scale.of(rival))


@given(SCORES)
def test_confidence_is_the_documented_logistic(scores: list[float]) -> None:
    calibration = Calibration(bias=-1.0, score=2.0, lead=3.0, threshold=0.5)
    for number, value in enumerate(confidences(calibration, scores)):
        others = scores[:number] + scores[number + 1 :]
        lead = scores[number] - max([0.0, *others])
        expected = 1 / (1 + exp(-(-1.0 + 2.0 * scores[number] + 3.0 * lead)))
        assert value == pytest.approx(expected, abs=1e-4)


def decided(
    *totals: float,
    known: bool = True,
    top: int = 5,
    none: tuple[float, ...] = (),
    floored: bool = True,
) -> Decision:
    """The decision on routes of these scores, where "none of them" has learned to score `none`."""
    agent = Agent("a", "a", "", "", (), "a.md", "", "", (), "", "", ())
    routes = [Route(agent, Rule(f"R{number}", f"r{number}", "")) for number in range(len(totals))]
    scores = Scores((*totals, *none), (KNOWN,) if known else (), (1.0, 1.0, 1.0))
    calibration = Calibration(bias=-1.0, score=1.0, lead=1.0, threshold=0.5)
    scale = Scale(floored=floored)
    return decide("task", routes, scores, range(len(totals)), calibration, scale, top)


@pytest.mark.parametrize(
    ("totals", "known", "outcome", "reason"),
    [
        ((2.0, 0.1), True, "routed", "the only one that fits"),
        ((0.85, 0.8, 0.1), True, "ambiguous", "too close to call: a/r0 (0.47) or a/r1 (0.44)"),
        ((0.85, 0.8, 0.8, 0.7), True, "below-threshold", "nothing fits: the best, a/r0, has 0.47"),
        (
            (-1.0, -2.0),
            True,
            "below-threshold",
            "nothing fits: the best, a/r0, has 0.05, below 0.50",
        ),
        ((0.1,), True, "below-threshold", "nothing fits"),
        ((2.0, 0.1), False, "no-evidence", "no word of the task is known to the library"),
    ],
)
def test_outcomes(totals: tuple[float, ...], known: bool, outcome: str, reason: str) -> None:
    decision = decided(*totals, known=known)
    assert decision.outcome == outcome
    assert decision.reason.startswith(reason)
    assert decision.abstained == (outcome != "routed")
    assert [m.route for m in decision.matches] == (["a/r0"] if outcome == "routed" else [])


@pytest.mark.parametrize(
    ("none", "floored", "rivals"),
    [
        ((), True, (0.4, 0.5, 0.0)),
        ((0.25,), True, (0.4, 0.5, 0.25)),
        ((0.45,), True, (0.45, 0.5, 0.45)),
        ((0.6,), True, (0.6, 0.6, 0.6)),
        ((-0.5,), True, (0.4, 0.5, 0.0)),
        ((-0.5,), False, (0.4, 0.5, -0.5)),
    ],
)
def test_none_of_them_is_a_rival(
    none: tuple[float, ...], floored: bool, rivals: tuple[float, float, float]
) -> None:
    """Of the first, the second, and the only one of `fit`; it scores 0 where that is the floor."""
    decision = decided(0.5, 0.4, none=none, floored=floored)
    assert tuple(candidate.rival for candidate in decision.candidates) == rivals[:2]
    lead = 0.5 - rivals[2]
    assert decision.fit == pytest.approx(1 / (1 + exp(-(-1.0 + 0.5 + lead))), abs=1e-4)


def test_ties_go_to_the_first_of_the_library() -> None:
    assert [c.route for c in decided(1.0, 1.0, 1.0).candidates] == ["a/r0", "a/r1", "a/r2"]


def test_top() -> None:
    assert len(decided(*[0.1] * 9, top=3).candidates) == 3


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("", "task:1: is empty; say what is to be done"),
        (" \n\t", "task:1: is empty"),
        ("a\nb\0c", "task:2: contains a NUL byte; remove it"),
        ("x" * 10_000_000, "task:1: has 10000000 bytes; the limit is 32768: shorten it"),
        ("ü" * 20_000, "task:1: has 40000 bytes"),
        ("ok\n\udc80", "task:2: is not valid Unicode text"),
        (7, "task:1: is a int, not text"),
    ],
    ids=["empty", "blank", "nul", "10 MB", "utf-8", "surrogate", "number"],
)
def test_tasks_that_are_refused(router: Router, task: str, message: str) -> None:
    with pytest.raises(TaskError) as caught:
        router.route(task)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("task", ["xqzt flrb wvpk", "!!! ???", "the of and", "🚀🚀"])
def test_only_unknown_words(router: Router, task: str) -> None:
    decision = router.route(task)
    assert (decision.outcome, decision.matches) == ("no-evidence", ())
    assert decision.reason == "no word of the task is known to the library"


@given(st.text(min_size=1, max_size=80).filter(lambda task: task.strip() and "\0" not in task))
def test_every_text_gets_a_decision(router: Router, task: str) -> None:
    decision = router.route(task)
    assert isinstance(decision, Decision)
    scores = [candidate.score for candidate in decision.candidates]
    assert scores == sorted(scores, reverse=True)
    assert router.route(task).to_dict() == decision.to_dict()


def test_the_task_of_the_readme(router: Router) -> None:
    decision = router.route("optimize slow queries")
    best = decision.candidates[0]
    assert best.route == "backend-developer/database-optimization"
    assert not decision.abstained
    assert {"slow", "queries"} <= {evidence.word for evidence in best.evidence}
    assert [link.path for link in best.bundle] == [
        "prompts/database-optimization.md",
        "prompts/query-analysis.md",
    ]


def test_an_agent_routes_among_its_own_rules(router: Router) -> None:
    decision = router.route("optimize slow queries", agent="tester", top=99)
    assert {candidate.agent for candidate in decision.candidates} == {"tester"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"agent": "testr"}, "agent: no agent `testr`; did you mean `tester`?"),
        ({"agent": "zzz"}, "agent: no agent `zzz`; there are ai-engineer,"),
        ({"top": 0}, "top: 0 is too few; ask for 1 or more"),
    ],
)
def test_usage_errors(router: Router, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        router.route("x", **arguments)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_template_syntax_in_a_task_is_text(router: Router) -> None:
    task = "{{ 7 * 7 }} {% for x in y %} optimize slow queries ${{ secrets.X }}"
    decision = router.route(task)
    assert decision.candidates[0].route == "backend-developer/database-optimization"
    assert task in router.assemble(decision).text
