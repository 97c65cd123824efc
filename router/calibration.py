"""From scores to confidences: how sure, never in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True)
class Scale:
    """How scores of one library are to be read: the more text a route has, the lower they are.

    `own` is what a route scores on a few words of its own text, on average; `unrelated` what the
    best route scores on a task that has nothing to do with the library: the more routes there
    are, the higher that is by chance alone.
    """

    unrelated: float = 0.0
    own: float = 1.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model of "this route is right", from a score and its lead over the best other.

    Both are in units of the library's `Scale`, and both grow with the score, so a calibration
    never reorders. `threshold` is the confidence from which a route is taken.
    """

    bias: float
    score: float
    lead: float
    threshold: float


# `python bench/fit_calibration.py ../shared/bench` chose these; the rows that it uses are in no
# accuracy table. On its judging half: expected calibration error 0.030 and 0.033.
WITH_SENSES = Calibration(bias=-1.55, score=1.59, lead=9.54, threshold=0.24)
LEXICAL = Calibration(bias=-1.79, score=2.24, lead=9.44, threshold=0.23)


def confidence(calibration: Calibration, score: float, rival: float, scale: Scale) -> float:
    """The confidence in [0, 1], to four places, of a score whose best rival scores `rival`.

    A rival counts at least what unrelated text scores, so that a task which nothing fits does not
    win by a lead over less than nothing.

    >>> confidence(Calibration(0.0, 0.0, 1.0, 0.5), 1.0, 1.0, Scale())
    0.5
    """
    unit = max(scale.own - scale.unrelated, 1e-6)
    own = (score - scale.unrelated) / unit
    other = max((rival - scale.unrelated) / unit, 0.0)
    return _logistic(calibration.bias + calibration.score * own + calibration.lead * (own - other))


def confidences(
    calibration: Calibration, scores: Sequence[float], scale: Scale = Scale()
) -> list[float]:
    """The confidence of each of several scores, the rivals of one another.

    >>> confidences(Calibration(0.0, 0.0, 1.0, 0.5), [1.0, 1.0])
    [0.5, 0.5]
    """
    # One other score serves all: the best one's rival is the second, everybody else's the best.
    best, second, *_ = [*sorted(scores, reverse=True)[:2], scale.unrelated, scale.unrelated]
    place = list(scores).index(best) if scores else -1
    return [
        confidence(calibration, score, second if number == place else best, scale)
        for number, score in enumerate(scores)
    ]


def _logistic(value: float) -> float:
    # Four places: equal on every machine, and nobody reads more.
    return round(1.0 / (1.0 + exp(-max(-50.0, min(50.0, value)))), 4)
