"""Tuning against brute force, scikit-learn and the evaluation; what is promised is held out."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log1p
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from router import CasesError, Router
from router.compiler import logistic
from router.decision.intents import clauses
from router.evaluation import tuning
from router.evaluation.cases import Case, read_cases
from router.evaluation.measuring import Rate, Report, Result, evaluate
from router.evaluation.tuning import (
    FOLDS,
    MIN_CASES,
    Observation,
    Wish,
    calibration_error,
    choose,
    cross_validated,
    curve,
    fit,
    folds,
    observe,
    recalibrated,
    tally,
    tune,
    usable,
)
from router.model.calibration import LEXICAL, WITH_SENSES, Calibration, confidence
from router.terminal.report import (
    CURVE_ROWS,
    curve_table,
    expectation_table,
    held_out_line,
    wish_line,
)

DEV = Path(__file__).parent / "tasks.dev.jsonl"


def observation(confidence: int, right: bool, fits: bool, known: bool) -> Observation:
    score = confidence / 100
    return Observation(score, score / 2, score, right and fits, fits, known)


OBSERVED = st.lists(
    st.builds(
        observation, st.integers(0, 100), *[st.booleans()] * 2, st.sampled_from([True] * 4 + [False])
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip
SHARE = st.floats(0, 1)


def drawn(count: int, seed: int = 0, *, outside: float = 0.2) -> list[Observation]:
    """Tasks whose best route is right as often as a logistic model of other constants says."""
    chance = random.Random(seed)
    truth = Calibration(bias=-0.5, score=0.8, lead=6.0, threshold=0.5)
    found = []
    for _ in range(count):
        score = chance.uniform(0, 1.5)
        rival = chance.uniform(0, score)
        right = chance.random() < confidence(truth, score, rival)
        fits = right or chance.random() > outside
        sure = confidence(WITH_SENSES, score, rival)
        found.append(Observation(score, rival, sure, right, fits))
    return found


@given(OBSERVED)
def test_every_point_of_the_curve_is_what_counting_gives(observed: list[Observation]) -> None:
    line = curve(observed)
    thresholds = [point.threshold for point in line.points]
    assert thresholds == sorted(set(thresholds), reverse=True)
    for point in line.points:
        routed = [o for o in observed if o.known and o.confidence >= point.threshold]
        counts = point.tally
        assert counts == tally(observed, point.threshold)
        assert counts.coverage == Rate(len(routed), len(observed))
        assert counts.precision == Rate(sum(o.right for o in routed), len(routed))
        fitting = [o for o in observed if o.fits]
        assert counts.reached == Rate(sum(o in fitting for o in routed), len(fitting))
        others = [o for o in observed if not o.fits]
        wrongly = [o for o in others if o.known and o.confidence >= point.threshold]
        assert counts.declined == Rate(len(others) - len(wrongly), len(others))
        hits = counts.precision.hits + counts.declined.hits
        assert counts.accuracy == Rate(hits, len(observed))
    # No threshold between two points makes a difference.
    for high, low in pairwise(line.points):
        between = (high.threshold + low.threshold) / 2
        assert tally(observed, between) in (high.tally, low.tally)


@given(OBSERVED)
def test_the_area_is_the_mean_risk(observed: list[Observation]) -> None:
    """Of the first, the first two, … tasks, where no two are equally sure and all are known."""
    distinct = list({o.confidence: replace(o, known=True) for o in observed}.values())
    ranked = sorted(distinct, key=lambda o: -o.confidence)
    risks = [sum(not o.right for o in ranked[:n]) / n for n in range(1, len(ranked) + 1)]
    assert curve(distinct).area == pytest.approx(sum(risks) / len(risks))


@given(OBSERVED, SHARE)
def test_the_lowest_threshold_of_a_precision(observed: list[Observation], share: float) -> None:
    found, granted = choose(curve(observed), Wish(precision=share))
    precisions = {
        at: rate.value
        for at in {o.confidence for o in observed}
        if (rate := tally(observed, at).precision).total
    }
    meeting = [at for at, value in precisions.items() if value >= share]
    assert granted == bool(meeting)
    if granted:
        assert found.threshold == min(
            o.confidence for o in observed if o.known and o.confidence >= min(meeting)
        )
    elif precisions:
        assert found.tally.precision.value == max(precisions.values())


@given(OBSERVED, st.floats(0.001, 1))
def test_the_highest_threshold_of_a_coverage(observed: list[Observation], share: float) -> None:
    found, granted = choose(curve(observed), Wish(coverage=share))
    values = {}
    for o in observed:
        rate = tally(observed, o.confidence).reached
        values[o.confidence] = rate.value if rate.total else 0.0
    meeting = [at for at, value in values.items() if value >= share]
    assert granted == bool(meeting)
    if granted:
        assert found.tally.reached.value >= share
        assert found.threshold == max(meeting)
    else:
        assert found.tally == tally(observed, 0.0)


@given(OBSERVED)
def test_without_a_wish_the_highest_accuracy(observed: list[Observation]) -> None:
    found, granted = choose(curve(observed), Wish())
    tried = [0.0, *(o.confidence for o in observed), 1.0]
    if not any(o.known and o.confidence == 1.0 for o in observed):
        tried.append(inf)
    assert granted
    assert found.tally.accuracy.value == max(tally(observed, at).accuracy.value for at in tried)
    assert 0.0 <= found.threshold <= 1.0


@given(OBSERVED)
def test_the_calibration_error_by_its_definition(observed: list[Observation]) -> None:
    known = [o for o in observed if o.known]
    place = np.digitize([o.confidence for o in known], [n / 10 for n in range(1, 10)])
    total = 0.0
    for number in range(10):
        found = [o for o, at in zip(known, place, strict=True) if at == number]
        if found:
            right = sum(o.right for o in found) / len(found)
            sure = sum(o.confidence for o in found) / len(found)
            total += len(found) / len(known) * abs(right - sure)
    assert calibration_error(observed) == pytest.approx(total)


def loss(observed: list[Observation], theta: tuple[float, float, float]) -> float:
    """The formula of `fit`, written out."""
    prior = (WITH_SENSES.bias, WITH_SENSES.score, WITH_SENSES.lead)
    total = 0.0
    for o in observed:
        z = theta[0] + theta[1] * o.score + theta[2] * o.lead
        total += log1p(exp(-z if o.right else z))
    for value, middle, spread in zip(theta, prior, logistic.SPREAD, strict=True):
        total += 0.5 * ((value - middle) / spread) ** 2
    return total


@pytest.mark.parametrize("seed", range(5))
def test_a_fit_is_the_least_of_its_formula(seed: int) -> None:
    observed = drawn(60, seed)
    found = fit(observed, WITH_SENSES)
    theta = (found.bias, found.score, found.lead)
    least = loss(observed, theta)
    for step in ((0.01, 0, 0), (0, 0.01, 0), (0, 0, 0.01)):
        for sign in (1, -1):
            other = [value + sign * s for value, s in zip(theta, step, strict=True)]
            if min(other[1:]) >= 0:
                assert loss(observed, (other[0], other[1], other[2])) > least


def test_with_no_pull_it_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "SPREAD", (1e6, 1e6, 1e6))
    observed = drawn(500)
    found = fit(observed, WITH_SENSES)
    model = LogisticRegression(C=1e9, tol=1e-9, max_iter=1000)
    model.fit([[o.score, o.lead] for o in observed], [o.right for o in observed])
    expected = [*model.intercept_, *model.coef_[0]]
    assert [found.bias, found.score, found.lead] == pytest.approx(expected, abs=0.01)


def test_many_tasks_move_it_and_few_do_not() -> None:
    """The tasks are those of bias -0.5, score 0.8, lead 6."""
    many = fit(drawn(20_000), WITH_SENSES)
    assert (many.bias, many.score, many.lead) == pytest.approx((-0.5, 0.8, 6.0), abs=0.3)
    assert fit([], LEXICAL) == LEXICAL


@pytest.mark.parametrize("right", [True, False])
def test_twenty_tasks_do_not_run_away(right: bool) -> None:
    """Though without a prior, the constants would be infinite."""
    observed = [replace(o, right=right) for o in drawn(20)]
    found = fit(observed, WITH_SENSES)
    assert abs(found.bias - WITH_SENSES.bias) < 3
    assert abs(found.score - WITH_SENSES.score) < 3
    assert abs(found.lead - WITH_SENSES.lead) < 9


def test_no_slope_is_negative() -> None:
    """Even where the worse tasks are those that were right."""
    observed = [replace(o, right=o.score < 0.5) for o in drawn(300)]
    found = fit(observed, WITH_SENSES)
    assert found.score == 0.0
    assert found.lead >= 0.0


@given(st.integers(FOLDS, 200))
@settings(max_examples=20, deadline=None)
def test_folds_have_each_task_once_and_each_kind_in_each(count: int) -> None:
    observed = drawn(count)
    parts = folds(observed)
    assert sorted(number for part in parts for number in part) == list(range(count))
    for kind in ((True, True), (True, False), (False, False)):
        sizes = [sum((observed[n].fits, observed[n].right) == kind for n in part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_held_out_figures_are_of_tasks_that_were_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observed = drawn(100)
    seen: list[set[int]] = []
    real = tuning.fit

    def watched(rows: list[Observation], prior: Calibration) -> Calibration:
        seen.append({observed.index(row) for row in rows})
        return real(rows, prior)

    monkeypatch.setattr(tuning, "fit", watched)
    found = cross_validated(observed, Wish(), WITH_SENSES)
    assert [set(range(100)) - rows for rows in seen] == [set(part) for part in folds(observed)]
    assert found.tally.coverage.total == 100
    assert found.tally.inside == sum(o.fits for o in observed)


def test_held_out_figures_hold_on_other_tasks() -> None:
    """What is expected of a precision of 0.9 is what thousands of other tasks give."""
    observed = drawn(300)
    found = tune(observed, Wish(precision=0.9), WITH_SENSES, WITH_SENSES)
    assert found.granted
    assert found.chosen.tally.precision.value >= 0.9
    tuned = found.routing.over(WITH_SENSES)
    others = tally(recalibrated(drawn(5000, seed=1), tuned), tuned.threshold)
    low, high = found.held_out.tally.precision.interval
    assert low <= others.precision.value <= high
    assert found.held_out.ece < found.now.ece


def test_tuning_twice_finds_the_same() -> None:
    first = tune(drawn(100), Wish(), WITH_SENSES, WITH_SENSES)
    now = first.routing.over(WITH_SENSES)
    again = tune(recalibrated(drawn(100), now), Wish(), WITH_SENSES, now)
    assert again.routing == first.routing
    assert again.held_out == first.held_out
    assert again.now.tally == first.chosen.tally


def test_tables_and_lines() -> None:
    observed = [replace(o, right=False, fits=n % 2 == 0) for n, o in enumerate(drawn(50))]
    found = tune(observed, Wish(precision=0.5), WITH_SENSES, WITH_SENSES)
    assert not found.granted
    assert wish_line(found).startswith(
        "no threshold has a precision of 0.5; the best has 0.000 (0/"
    )
    found = tune(drawn(400), Wish(precision=0.95), WITH_SENSES, WITH_SENSES)
    assert wish_line(found) == ""
    rows = curve_table(found).rows
    assert 10 <= len(rows) <= CURVE_ROWS + 1
    assert [row[0] for row in rows if row[-1] == "chosen"] == [f"{found.chosen.threshold:.4f}"]
    assert {len(row) for row in expectation_table(found).rows} == {5}
    short = replace(found, wish=Wish(precision=1.0))
    assert held_out_line(short).startswith(
        "on tasks that it has not seen, expect a precision of 0."
    )


LEARNED = ("optimize slowQueries", "fix the login")


@pytest.mark.parametrize(
    ("task", "left", "taught", "repeated"),
    [
        ("a new task", 21, 0, 0),
        ("Optimize slow  queries!", 20, 1, 0),
        ("fix the login page", 21, 0, 0),
        ("task number 7", 20, 0, 1),
        ("Task number\n7", 20, 0, 1),
        ("!!!", 21, 0, 0),
    ],
)
def test_tasks_that_would_score_themselves_are_left_out(
    task: str, left: int, taught: int, repeated: int
) -> None:
    cases = [Case(f"task number {n}", ()) for n in range(20)]
    found = usable("x.jsonl", [*cases, Case(task, ("a/b",))], LEARNED)
    assert (len(found[0]), *found[1:]) == (left, taught, repeated)
    labels = [case.expect for case in found[0]]
    assert labels.count(("a/b",)) == (0 if taught else 1)


def test_too_few_tasks() -> None:
    cases = [Case(f"task number {n}", ()) for n in range(MIN_CASES - 1)]
    with pytest.raises(CasesError) as caught:
        usable("x.jsonl", [*cases, cases[0], Case("fix the login", ())], LEARNED)
    assert str(caught.value) == (
        "x.jsonl:1: 19 of 21 tasks to tune on (1 are in the library, 1 repeat others);"
        " add some, until there are 20 or more"
    )


@pytest.fixture(scope="module")
def results(router: Router) -> tuple[Result, ...]:
    cases = [
        *read_cases(DEV, router.routes),
        Case("xqzt flrb", ()),
        Case("xqzt vwpk", ("tester/unit-testing",)),
    ]
    found = evaluate(router.route, cases).results
    # A task that is split has no single confidence that a threshold could be put to.
    return tuple(result for result in found if len(result.taken) < 2)


def test_observations_are_what_the_router_did(router: Router, results: tuple[Result, ...]) -> None:
    observed = observe(results, router.model.scale)
    assert recalibrated(observed, router.calibration) == observed
    rates = Report(results).rates
    counts = tally(observed, router.calibration.threshold)
    assert counts.accuracy == rates["accuracy"]
    assert counts.precision == rates["selective_accuracy"]
    assert counts.declined == rates["abstained_outside"]


def test_a_tuned_router_does_what_the_chosen_point_says(
    router: Router, results: tuple[Result, ...]
) -> None:
    # A lower threshold may also split a task, which the points know nothing of.
    results = tuple(r for r in results if len(list(clauses(r.case.task))) < 2)
    observed = observe(results, router.model.scale)
    for wish in (Wish(), Wish(precision=0.8), Wish(coverage=0.7)):
        found = tune(observed, wish, router.model.calibration, router.calibration)
        tuned = Router(replace(router.model, routing=found.routing))
        rates = evaluate(tuned.route, [result.case for result in results]).rates
        assert rates["accuracy"] == found.chosen.tally.accuracy
        assert rates["selective_accuracy"] == found.chosen.tally.precision
