"""From scores to confidences: how sure, never in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp
from typing import Any

MAX_CONSTANT = 1000.0
"""Of a calibration's numbers: far beyond any use, and no sum of them overflows."""

MAX_FINITE = 1e300


@dataclass(frozen=True, slots=True)
class Scale:
    """How scores of one library are to be read: the more text a route has, the lower they are.

    `own` is what a route scores on a few words of its own text, on average; `unrelated` what the
    best route scores on a task that has nothing to do with the library: the more routes there
    are, the higher that is by chance alone. A rival counts at least as much (`floored`), so that a
    task which nothing fits does not win by a lead over less than nothing; unless the library has
    learned what fits nothing, and what that scores says more.
    """

    unrelated: float = 0.0
    own: float = 1.0
    floored: bool = True

    def of(self, score: float) -> float:
        """A score in units of the scale: 0 is unrelated, 1 a route's own words.

        >>> Scale(unrelated=1.0, own=3.0).of(2.0)
        0.5
        """
        return (score - self.unrelated) / max(self.own - self.unrelated, 1e-6)

    def rival(self, score: float) -> float:
        """The best other score in units of the scale, as `confidence` counts it.

        >>> Scale(unrelated=1.0, own=3.0).rival(0.5)
        0.0
        """
        return max(self.of(score), 0.0) if self.floored else self.of(score)


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

# The same with `MODEL.onnx` behind, of all-MiniLM-L6-v2: ECE 0.033.
WITH_SENTENCES = Calibration(bias=-1.75, score=1.87, lead=9.90, threshold=0.27)


def check_constant(name: str, value: Any) -> str:
    """What is wrong with a number that a library gives for `name`, "" if nothing.

    >>> check_constant("threshold", 31)
    '`threshold` is 31; it is a confidence, between 0 and 1'
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) < MAX_FINITE:
        return f"`{name}` is no finite number; write digits, such as 0.31"
    if name == "threshold":
        if not 0.0 <= value <= 1.0:
            return f"`threshold` is {value:g}; it is a confidence, between 0 and 1"
    elif name in ("score", "lead") and value < 0.0:
        return f"`{name}` is {value:g}; below 0 a better score would be less sure"
    elif abs(value) > MAX_CONSTANT:
        return f"`{name}` is {value:g}; the limit is {MAX_CONSTANT:g}"
    return ""


@dataclass(frozen=True, slots=True)
class Slopes:
    """The numbers of a `Calibration` but the threshold.

    Raises `ValueError` for what is no calibration, as `Routing` does.
    """

    bias: float
    score: float
    lead: float

    def __post_init__(self) -> None:
        _check(bias=self.bias, score=self.score, lead=self.lead)


@dataclass(frozen=True, slots=True)
class Routing:
    """What a library says instead of the shipped constants: a threshold, or all of them.

    A threshold is a confidence, and what a confidence means depends on the slopes: those are
    never without one.
    """

    threshold: float
    calibration: Slopes | None = None

    def __post_init__(self) -> None:
        _check(threshold=self.threshold)

    def over(self, shipped: Calibration) -> Calibration:
        """The calibration to route with."""
        slopes = self.calibration or Slopes(shipped.bias, shipped.score, shipped.lead)
        return Calibration(slopes.bias, slopes.score, slopes.lead, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _check(**constants: Any) -> None:
    for name, value in constants.items():
        if wrong := check_constant(name, value):
            raise ValueError(wrong)


def shipped(*, senses: bool, sentences: bool = False) -> Calibration:
    """The constants for models with and without word vectors, and with an encoder of sentences."""
    if sentences:
        return WITH_SENTENCES
    return WITH_SENSES if senses else LEXICAL


def confidences(
    calibration: Calibration, scores: Sequence[float], scale: Scale = Scale()
) -> list[float]:
    """The confidence of each of several scores, the rivals of one another.

    >>> confidences(Calibration(0.0, 0.0, 1.0, 0.5), [1.0, 1.0])
    [0.5, 0.5]
    """
    if not scores:
        return []
    # One other score serves all: the best one's rival is the second, everybody else's the best.
    least = 0.0 if scale.floored else -MAX_FINITE
    best, second, *_ = sorted([*map(scale.of, scores), least, least], reverse=True)
    found = [confidence(calibration, scale.of(score), best) for score in scores]
    found[list(scores).index(max(scores))] = confidence(calibration, scale.of(max(scores)), second)
    return found


def confidence(calibration: Calibration, score: float, rival: float) -> float:
    """The confidence in [0, 1], to four places, of a score whose best rival scores `rival`.

    Both in units of the scale: `Scale.of` and `Scale.rival`.

    >>> confidence(Calibration(0.0, 0.0, 1.0, 0.5), 1.0, 1.0)
    0.5
    """
    lead = calibration.lead * (score - rival)
    return _logistic(calibration.bias + calibration.score * score + lead)


def _logistic(value: float) -> float:
    # Four places: equal on every machine, and nobody reads more.
    return round(1.0 / (1.0 + exp(-max(-50.0, min(50.0, value)))), 4)
