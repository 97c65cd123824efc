"""From scores to confidences: how sure, never in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model of "this route is right", from a score and its lead over the best other.

    Both grow with the score, so a calibration never reorders. `threshold` is the confidence from
    which a route is taken.
    """

    bias: float
    score: float
    lead: float
    threshold: float


# `python bench/fit_calibration.py ../shared/bench` chose these; the rows that it uses are in no
# accuracy table. On its judging half: expected calibration error 0.034 and 0.045.
WITH_SENSES = Calibration(bias=-2.40, score=0.95, lead=2.99, threshold=0.32)
LEXICAL = Calibration(bias=-2.51, score=2.08, lead=4.53, threshold=0.32)


def confidences(calibration: Calibration, scores: Sequence[float]) -> list[float]:
    """The confidence of each score in [0, 1], to four places.

    A lone route's lead is its whole score.

    >>> confidences(Calibration(0.0, 0.0, 1.0, 0.5), [1.0, 1.0])
    [0.5, 0.5]
    """
    if not scores:
        return []
    best = max(scores)
    place = scores.index(best)
    second = max([*scores[:place], *scores[place + 1 :]], default=0.0)
    bias = calibration.bias
    slope = calibration.score + calibration.lead
    # One other score serves all: the best one's rival is the second, everybody else's the best.
    found = [_logistic(bias + slope * score - calibration.lead * best) for score in scores]
    found[place] = _logistic(bias + slope * best - calibration.lead * second)
    return found


def _logistic(value: float) -> float:
    # Four places: equal on every machine, and nobody reads more.
    return round(1.0 / (1.0 + exp(-max(-50.0, min(50.0, value)))), 4)
