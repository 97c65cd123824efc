"""The figures of an evaluation, against scikit-learn and against examples worked by hand."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, precision_recall_fscore_support, roc_auc_score

from router.evaluation.answers import Answer, Ranked
from router.evaluation.cases import Case
from router.evaluation.measuring import Rate, Report, Result, rate
from router.evaluation.metrics import Figure, calibration_error, measure
from router.evaluation.tuning import Observation, curve

A, B, C = "one/a", "one/b", "two/c"


def result(expect: str, first: str, sure: float, *, took: bool = True, **case: object) -> Result:
    """A case that expects one route, or none for "", and an answer that ranks `first` and A."""
    ranked = (Ranked(first, sure, sure), *([Ranked(A, sure / 2, 0.0)] if first != A else []))
    outcome = "routed" if took else "below-threshold"
    answer = Answer((first,) if took else (), ranked, outcome, fit=sure, bundle=())
    return Result(Case("x", (expect,) if expect else (), **case), answer)  # type: ignore[arg-type]


HAND = (
    result(A, A, 0.9),
    result(A, B, 0.6),
    result(B, B, 0.8),
    result(C, C, 0.3, took=False),
    result("", C, 0.1, took=False),
    result("", A, 0.5),
)


def drawn(count: int) -> tuple[Result, ...]:
    chance = random.Random(4)
    found = []
    for _ in range(count):
        expect, sure = chance.choice([A, B, C, ""]), round(chance.random(), 2)
        first = expect if expect and chance.random() < sure else chance.choice([A, B, C])
        found.append(result(expect, first, sure, took=sure > 0.3))
    return tuple(found)


def test_a_hand_worked_example() -> None:
    found = measure(Report(HAND))
    rates = {n: (r.hits, r.total) for n, r in found.figures.items() if isinstance(r, Rate)}
    assert rates["accuracy"] == (3, 6)
    assert rates["agent_accuracy"] == (4, 6)  # one/b for one/a is of the right agent
    assert rates["coverage"] == (3, 4)
    assert rates["selective_accuracy"] == (2, 4)
    assert rates["abstained_outside"] == (1, 2)
    assert found.figures["mrr"].value == pytest.approx((1 + 1 / 2 + 1 + 1) / 4)
    scores = {
        rule.rule: (rule.recall.hits, rule.recall.total, rule.precision.total)
        for rule in found.rules
    }
    assert scores == {A: (1, 2, 2), B: (1, 1, 2), C: (0, 1, 0), "none": (1, 2, 2)}
    assert found.rules[0].rule == C  # the worst first
    wrong = {(c.expected, c.taken): c.count for c in found.confusions if c.expected != c.taken}
    assert wrong == {(A, B): 1, (C, "none"): 1, ("none", A): 1}


def test_values_are_scikit_learns() -> None:
    results = drawn(300)
    figures = measure(Report(results)).figures
    sure = [r.answer.confidence or 0.0 for r in results]
    right = [r.rank == 1 for r in results]
    truth = [r.case.expect[0] if r.case.fits else "none" for r in results]
    said = [r.taken[0] if r.taken else "none" for r in results]
    macro = precision_recall_fscore_support(truth, said, average="macro", zero_division=0)[:3]
    for name, expected in [
        ("brier", brier_score_loss(right, sure)),
        ("auroc", roc_auc_score([r.case.fits for r in results], sure)),
        *zip(("precision", "recall", "f1"), macro, strict=True),
    ]:
        assert figures[name].value == pytest.approx(expected), name


def test_the_area_is_that_of_tuning() -> None:
    """Two ways to the same number: there counted task by task, here with cumulated sums."""
    results = drawn(200)
    observed = [
        Observation(0, 0, r.answer.confidence or 0.0, r.rank == 1, r.case.fits) for r in results
    ]
    assert measure(Report(results)).figures["aurc"].value == pytest.approx(curve(observed).area)


def test_intervals_hold_the_value_and_shrink_with_cases() -> None:
    few, many = measure(Report(drawn(60))).figures, measure(Report(drawn(960))).figures
    for name in ("mrr", "precision", "recall", "f1", "auroc", "aurc", "brier", "accuracy"):
        (low, high), (lower, higher) = many[name].interval, few[name].interval
        assert low <= many[name].value <= high, name
        assert high - low < higher - lower, name


def test_the_bootstrap_agrees_with_theory() -> None:
    """A mean of many cases has an interval of 1.96 standard errors to each side."""
    results = drawn(800)
    squares = [((r.answer.confidence or 0.0) - (r.rank == 1)) ** 2 for r in results]
    low, high = measure(Report(results)).figures["brier"].interval
    assert high - low == pytest.approx(2 * 1.96 * np.std(squares) / math.sqrt(800), rel=0.1)


def test_the_seed_is_all_that_differs() -> None:
    report = Report(drawn(80))
    assert measure(report, seed=1) == measure(report, seed=1)
    one, two = measure(report, seed=1).figures["mrr"], measure(report, seed=2).figures["mrr"]
    assert one.value == two.value
    assert one.interval != two.interval


def test_what_cannot_be_judged_is_no_number() -> None:
    """Another router's labels have no confidence; all cases fit; and there may be none at all."""
    bare = Result(Case("x", (A,)), Answer((A,), (Ranked(A),)))
    figures = measure(Report((bare, bare))).figures
    for name in ("auroc", "aurc", "ece", "brier"):
        assert math.isnan(figures[name].value)
        assert figures[name].to_dict() == {"value": None, "total": 0.0, "ci95": [None, None]}
    assert figures["f1"].value == 1.0
    empty = measure(Report(()))
    assert empty.rules == ()
    assert "NaN" not in json.dumps(empty.to_dict())


def test_similarities_are_no_probabilities() -> None:
    """They order, and say nothing of how often they are right."""
    ranked = (Ranked(A, 3.5, 3.5),)
    figures = measure(Report((Result(Case("x", (A,)), Answer((A,), ranked)),))).figures
    assert figures["aurc"].value == 0.0
    assert math.isnan(figures["ece"].value)


def test_weights() -> None:
    """A case of weight 2 counts as two; the interval knows that it is one."""
    heavy = (result(A, A, 0.9, weight=2.0), result(A, B, 0.9))
    found = rate(heavy, lambda r: r.right)
    assert found.value == pytest.approx(2 / 3)
    assert found.total == pytest.approx(9 / 5)
    assert rate(HAND, lambda r: r.right) == Rate(3, 6)
    assert measure(Report(heavy)).figures["mrr"].value == pytest.approx((2 * 1 + 1 / 2) / 3)


def test_what_a_case_accepts_is_right() -> None:
    accepting = result(A, B, 0.9, accept=frozenset({B}))
    assert (accepting.right, accepting.rank) == (True, 1)
    found = measure(Report((accepting,)))
    assert [(rule.rule, rule.f1.value) for rule in found.rules] == [(B, 1.0)]


def test_bundles_count_by_their_prompts() -> None:
    """Another rule that leads to the same prompts gives the model the same to read."""
    prompts = frozenset({"p.md", "q.md"})
    case = Case("x", (A,), bundles=frozenset({prompts}))
    took = Result(case, Answer((B,), (Ranked(B, 0.9, 0.9),), bundle=("q.md", "p.md")))
    assert (took.right, took.right_bundle) == (False, True)
    assert Report((took,)).rates["bundle_accuracy"] == Rate(1, 1)


def test_calibration_error_by_hand() -> None:
    assert calibration_error([0.95, 0.95, 0.05], [True, False, False]) == pytest.approx(
        (abs(1.9 - 1) + 0.05) / 3
    )
    assert calibration_error([], []) == 0.0


def test_as_json() -> None:
    found = measure(Report(HAND)).to_dict()
    assert found["metrics"]["accuracy"] == {
        "value": 0.5, "hits": 3, "total": 6, "ci95": Rate(3, 6).interval,
    }  # fmt: skip
    assert found["risk_coverage"][-1][0] == 1.0
    assert sum(bin_["right"]["total"] for bin_ in found["reliability"]) == 6
    assert isinstance(measure(Report(HAND)).figures["f1"], Figure)


def test_resamples_without_any_case_of_a_rule() -> None:
    """Of few cases that name a rule among others, some resamples have none."""
    others = [result(A, A, 0.9, level="agent") for _ in range(9)]
    found = measure(Report((*others, result(B, B, 0.8))))
    assert found.figures["f1"].value == 1.0
    assert found.figures["f1"].interval == (1.0, 1.0)
