"""From labelled tasks to a library's own calibration and threshold, and what to expect of them.

An answer may be withheld: *selective classification*. Of all tasks, the share that is routed is the
coverage; of those, the share that is wrong is the risk (El-Yaniv & Wiener, "On the foundations of
noise-free selective classification", JMLR 11, 2010). A threshold is a point on the curve of both.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router.errors import CasesError, Fault
from router.evaluation.cases import Case
from router.evaluation.measuring import Rate, Result, key, stratified
from router.model.calibration import Calibration, Routing, Scale, Slopes, confidence

FOLDS = 5

MIN_CASES = 20
"""Fewer say nothing: four in a fold."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a router made of one labelled task.

    `score` and `rival` are those of the best route and of the best other one, scaled as
    `calibration.confidence` reads them. `right` says that the best route is the expected one,
    `fits` that any is. A task of which no word is `known` is never routed.
    """

    score: float
    rival: float
    confidence: float
    right: bool
    fits: bool
    known: bool = True

    @property
    def lead(self) -> float:
        return self.score - self.rival


@dataclass(frozen=True, slots=True)
class Wish:
    """What a threshold is chosen for: a precision, a coverage of the tasks that a rule fits, or
    neither and the highest accuracy."""

    precision: float | None = None
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of tasks: counts, and every rate that derives from them.

    `inside` are tasks that some rule fits, `outside` those that none fits; `right` of those
    inside went to the expected rule.
    """

    inside: int
    outside: int
    routed_inside: int = 0
    routed_outside: int = 0
    right: int = 0

    @property
    def routed(self) -> int:
        return self.routed_inside + self.routed_outside

    @property
    def coverage(self) -> Rate:
        """Of all tasks, those that were routed."""
        return Rate(self.routed, self.inside + self.outside)

    @property
    def precision(self) -> Rate:
        """Of the tasks that were routed, those that went where they belong: 1 - risk."""
        return Rate(self.right, self.routed)

    @property
    def reached(self) -> Rate:
        """Of the tasks that a rule fits, those that were routed, rightly or not."""
        return Rate(self.routed_inside, self.inside)

    @property
    def declined(self) -> Rate:
        """Of the tasks that no rule fits, those that were not routed."""
        return Rate(self.outside - self.routed_outside, self.outside)

    @property
    def accuracy(self) -> Rate:
        """Of all tasks, those routed rightly, or not routed where nothing fits."""
        hits = self.right + self.outside - self.routed_outside
        return Rate(hits, self.inside + self.outside)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.inside + other.inside,
            self.outside + other.outside,
            self.routed_inside + other.routed_inside,
            self.routed_outside + other.routed_outside,
            self.right + other.right,
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "coverage": self.coverage.to_dict(),
            "precision": self.precision.to_dict(),
            "routed, some rule fits": self.reached.to_dict(),
            "abstained, no rule fits": self.declined.to_dict(),
            "accuracy": self.accuracy.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold and what it makes of the tasks."""

    threshold: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class Curve:
    """Risk against coverage: a point for each threshold that makes a difference, highest first."""

    points: tuple[Point, ...]

    @property
    def area(self) -> float:
        """AURC: the mean risk over coverages from 0 to 1 (Geifman, Uziel & El-Yaniv, "Bias-reduced
        uncertainty estimation for deep neural classifiers", ICLR 2019).

        Tasks of one confidence are routed together; what is never routed adds nothing.
        """
        total, before = 0.0, 0.0
        for point in self.points:
            if point.tally.routed:
                coverage = point.tally.coverage.value
                total += (coverage - before) * (1.0 - point.tally.precision.value)
                before = coverage
        return total


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one setting makes of tasks; `ece` is the expected calibration error."""

    tally: Tally
    ece: float

    def to_dict(self) -> dict[str, Any]:
        return self.tally.to_dict() | {"ece": round(self.ece, 4)}


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was found. `granted` says whether the wish can be met on these tasks; where it cannot,
    `chosen` is the best there is.

    `now` is what the present setting makes of the tasks, `held_out` what the tuning makes of tasks
    that it has not seen.
    """

    wish: Wish
    granted: bool
    routing: Routing
    curve: Curve
    chosen: Point
    now: Estimate
    held_out: Estimate

    def to_dict(self) -> dict[str, Any]:
        return {
            "wish": {"precision": self.wish.precision, "coverage": self.wish.coverage},
            "granted": self.granted,
            "routing": self.routing.to_dict(),
            "curve": [
                {"threshold": point.threshold} | point.tally.to_dict()
                for point in self.curve.points
            ],
            "aurc": round(self.curve.area, 4),
            "now": self.now.to_dict(),
            "held_out": self.held_out.to_dict(),
        }


def tune(
    observed: Sequence[Observation], wish: Wish, shipped: Calibration, now: Calibration
) -> Tuning:
    """The calibration and the threshold for these tasks, with what to expect of them.

    The calibration keeps near to the `shipped` one, not to that of `now`, so that tuning twice on
    the same tasks finds the same.
    """
    fitted = fit(observed, shipped)
    tuned = recalibrated(observed, fitted)
    line = curve(tuned)
    chosen, granted = choose(line, wish)
    slopes = Slopes(fitted.bias, fitted.score, fitted.lead)
    return Tuning(
        wish=wish,
        granted=granted,
        routing=Routing(chosen.threshold, slopes),
        curve=line,
        chosen=chosen,
        now=Estimate(tally(observed, now.threshold), calibration_error(observed)),
        held_out=cross_validated(observed, wish, shipped),
    )


def observe(results: Iterable[Result], scale: Scale) -> tuple[Observation, ...]:
    """What a router, whose model has this `scale`, made of labelled tasks."""
    found = []
    for result in results:
        answer, best = result.answer, result.answer.ranked[0]
        if best.score is None or best.confidence is None or answer.rival is None:
            continue  # another router's, which has no calibration to tune
        found.append(
            Observation(
                score=scale.of(best.score),
                rival=scale.rival(answer.rival),
                confidence=best.confidence,
                right=result.case.welcomes(best.route),
                fits=result.case.fits,
                known=answer.known,
            )
        )
    return tuple(found)


def usable(
    path: str, cases: Iterable[Case], learned: Iterable[str]
) -> tuple[tuple[Case, ...], int, int]:
    """The cases that may judge, how many others the library has learned from, how many repeat.

    Tasks of the same words are one task to a router; of its labels the last counts. A task that
    is among the `learned` would find itself.

    Raises `CasesError`, for the file `path`, when too few are left.
    """
    known = {key(task) for task in learned}
    cases = tuple(cases)
    new = [case for case in cases if key(case.task) not in known]
    last = {key(case.task): case for case in new}
    taught, repeated = len(cases) - len(new), len(new) - len(last)
    if len(last) < MIN_CASES:
        message = (
            f"{len(last)} of {len(cases)} tasks to tune on ({taught} are in the library,"
            f" {repeated} repeat others); add some, until there are {MIN_CASES} or more"
        )
        raise CasesError((Fault(path, 1, message),))
    return tuple(last.values()), taught, repeated


def fit(observed: Sequence[Observation], prior: Calibration) -> Calibration:
    """The calibration that these tasks speak for, near to `prior` (see `logistic.fit`)."""
    from router.compiler import logistic  # late: not needed to read a curve

    known = [o for o in observed if o.known]
    scores, rivals = [o.score for o in known], [o.rival for o in known]
    return logistic.fit(logistic.Tasks(scores, rivals, [o.right for o in known]), prior)


def recalibrated(
    observed: Iterable[Observation], calibration: Calibration
) -> tuple[Observation, ...]:
    """The same tasks with the confidences that `calibration` gives them."""
    return tuple(replace(o, confidence=confidence(calibration, o.score, o.rival)) for o in observed)


def tally(observed: Iterable[Observation], threshold: float) -> Tally:
    """What became of tasks that are routed from this confidence on."""
    inside = outside = routed_inside = routed_outside = right = 0
    for o in observed:
        routed = o.known and o.confidence >= threshold
        inside += o.fits
        outside += not o.fits
        routed_inside += routed and o.fits
        routed_outside += routed and not o.fits
        right += routed and o.right
    return Tally(inside, outside, routed_inside, routed_outside, right)


def curve(observed: Sequence[Observation]) -> Curve:
    """The points of every threshold that makes a difference, from nothing routed to everything."""
    total = tally(observed, float("inf"))
    ranked = sorted((o for o in observed if o.known), key=lambda o: -o.confidence)
    points = []
    # A threshold of more than 1 is none: a task that is wholly sure is always routed.
    nothing = round(ranked[0].confidence + 0.0001, 4) if ranked else 1.0
    if nothing <= 1.0:
        points.append(Point(nothing, total))
    for place, o in enumerate(ranked):
        total += Tally(0, 0, int(o.fits), int(not o.fits), int(o.right))
        if place + 1 == len(ranked) or ranked[place + 1].confidence < o.confidence:
            points.append(Point(o.confidence, total))
    return Curve(tuple(points))


def choose(line: Curve, wish: Wish) -> tuple[Point, bool]:
    """The point to take, and whether it meets the wish; if none does, the one that comes nearest.

    For a precision it is the lowest threshold, for a coverage the highest one that meets it, for
    an accuracy the highest accuracy and of several the lowest threshold.
    """
    lowest = line.points[::-1]
    if wish.precision is not None:
        routing = [point for point in lowest if point.tally.routed] or lowest
        for point in routing:
            if point.tally.precision.value >= wish.precision:
                return point, True
        return max(routing, key=lambda point: _value(point.tally.precision)), False
    if wish.coverage is not None:
        for point in line.points:
            if _value(point.tally.reached) >= wish.coverage:
                return point, True
        return lowest[0], False
    return max(lowest, key=lambda point: _value(point.tally.accuracy)), True


def cross_validated(observed: Sequence[Observation], wish: Wish, prior: Calibration) -> Estimate:
    """What tuning makes of tasks that it has not seen.

    Calibration and threshold are chosen on four fifths and judge the last one, each in turn; where
    four fifths cannot grant the wish, the best that they have is taken.
    """
    judged: list[Observation] = []
    total = Tally(0, 0)
    for held in folds(observed):
        seen = [o for number, o in enumerate(observed) if number not in held]
        fitted = fit(seen, prior)
        chosen, _ = choose(curve(recalibrated(seen, fitted)), wish)
        unseen = recalibrated((observed[number] for number in sorted(held)), fitted)
        total += tally(unseen, chosen.threshold)
        judged += unseen
    return Estimate(total, calibration_error(judged))


def folds(observed: Sequence[Observation]) -> list[frozenset[int]]:
    """The numbers of the tasks in `FOLDS` parts, each with its share of right, wrong and outside.

    The same tasks in the same order give the same parts.
    """
    chance = random.Random(0)  # noqa: S311 - a fixed choice, not a secret
    return stratified([(o.fits, o.right) for o in observed], FOLDS, chance)


def calibration_error(observed: Iterable[Observation]) -> float:
    """The expected calibration error; tasks of no known word have no confidence that counts."""
    from router.evaluation import metrics  # late: numpy

    known = [o for o in observed if o.known]
    return metrics.calibration_error([o.confidence for o in known], [o.right for o in known])


def _value(rate: Rate) -> float:
    return rate.value if rate.total else 0.0
