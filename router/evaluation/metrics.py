"""Figures of an evaluation beyond its rates, each with a 95 % interval.

The values are scikit-learn's where it has them. An interval is Wilson's for a share of cases, else
the percentiles of a bootstrap by case (Efron & Tibshirani, "An introduction to the bootstrap",
1993): sets are small, and a difference within the interval is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from router.evaluation.cases import NONE
from router.evaluation.measuring import Rate, Report, Result

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

BINS = 10
RESAMPLES, MIN_RESAMPLES, MAX_WEIGHTS = 1000, 100, 2_000_000
"""Times that a bootstrap draws; and weights held at a time, 16 MB of them."""

CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval, from `total` cases; NaN where there is nothing to judge."""

    value: float
    interval: tuple[float, float]
    total: float

    def to_dict(self) -> dict[str, Any]:
        low, high = (_or_none(end) for end in self.interval)
        return {"value": _or_none(self.value), "total": self.total, "ci95": [low, high]}


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How one rule does, or `none`: of `taken` cases so many were its own, of its own so many were
    found. `cases` are its own."""

    rule: str
    cases: float
    precision: Rate
    recall: Rate
    f1: Figure

    def to_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "cases": self.cases,
            "precision": self.precision.to_dict(),
            "recall": self.recall.to_dict(),
            "f1": self.f1.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Confusion:
    """So many cases of one rule, or of `none`, that went to one; on the diagonal they are right."""

    expected: str
    taken: str
    count: int

    def to_dict(self) -> dict[str, Any]:
        return {"expected": self.expected, "taken": self.taken, "count": self.count}


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of about the same confidence, and how many of them were right."""

    confidence: float
    right: Rate

    def to_dict(self) -> dict[str, Any]:
        return {"confidence": self.confidence, "right": self.right.to_dict()}


@dataclass(frozen=True, slots=True)
class Metrics:
    """All figures of a report. `rules` and `confusions` have the worst first.

    `curve` is the risk at each coverage: the share of wrong answers among the surest ones.
    """

    figures: dict[str, Rate | Figure]
    rules: tuple[RuleScore, ...]
    confusions: tuple[Confusion, ...]
    bins: tuple[Bin, ...]
    curve: tuple[tuple[float, float], ...]
    latency: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {
            "metrics": {name: figure.to_dict() for name, figure in self.figures.items()},
            "rules": [rule.to_dict() for rule in self.rules],
            "confusion": [confusion.to_dict() for confusion in self.confusions],
            "reliability": [found.to_dict() for found in self.bins],
            "risk_coverage": [list(point) for point in self.curve],
            "latency_ms": self.latency,
        }


LATENCIES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
"""Quantiles of the time that a decision takes, by name."""


def names() -> tuple[str, ...]:
    """The names of all figures but the times."""
    return tuple(measure(Report(())).figures)


def measure(report: Report, rates: dict[str, Rate] | None = None, seed: int = 0) -> Metrics:
    """The figures of a report; `rates` are its own, or means over several passes.

    The same report and `seed` give the same figures, but for the latency.
    """
    results = report.results
    weights = np.array([result.case.weight for result in results])
    drawn = _drawn(weights, seed)
    rules, macro, confusions = _rules(results, weights, drawn)
    first = _First.of(results)
    figures: dict[str, Rate | Figure] = dict(rates or report.rates)
    figures["mrr"] = _mean_figure(
        np.array([0.0 if r.rank is None else 1.0 / r.rank for r in results]),
        np.array([r.case.fits for r in results]), weights, drawn,
    )  # fmt: skip
    figures |= macro
    figures["auroc"] = _auroc(results, weights, drawn)
    figures["aurc"] = _figure(
        lambda w: _area(first, w), first.confidence is not None, weights, drawn
    )
    known = first.known
    figures["ece"] = _figure(
        lambda w: calibration_error(first.sure, first.right, w),
        bool(known.any()), weights[known], drawn[:, known],
    )  # fmt: skip
    figures["brier"] = _brier(first, weights, drawn)
    return Metrics(
        figures, rules, confusions, _bins(first), _curve(first, weights),
        _latency([result.seconds for result in results]),
    )  # fmt: skip


def calibration_error(
    confidences: Sequence[float] | Floats,
    right: Sequence[bool] | NDArray[np.bool_],
    weights: Floats | None = None,
) -> float:
    """The expected calibration error over 10 bins of equal width (Naeini, Cooper & Hauskrecht,
    "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015).

    In each bin the gap between the mean confidence and the share of right routes, weighted with
    the bin's share of the tasks. (scikit-learn has the curve, and not its error.)

    >>> round(calibration_error([0.9, 0.9], [True, False]), 3)
    0.4
    """
    sure = np.asarray(confidences, dtype=float)
    weighed = np.ones_like(sure) if weights is None else weights
    gaps = np.bincount(_bin_of(sure), weighed * (sure - np.asarray(right, dtype=float)), BINS)
    total = float(weighed.sum())
    return float(np.abs(gaps).sum()) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _First:
    """What is said of each case's first label.

    `confidence` orders, None where a router gives none; `order` is from the surest on, `last` marks
    the last of those that are equally sure. `sure` and `right` are those of the cases
    that are `known`, where the confidences are probabilities.
    """

    confidence: Floats | None
    order: NDArray[np.intp]
    last: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    known: NDArray[np.bool_]
    sure: Floats
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, results: Sequence[Result]) -> _First:
        said = [result.answer.confidence for result in results]
        # An answer without labels is the least sure of all; one without confidence orders nothing.
        usable = any(c is not None for c in said) and all(
            c is not None or not r.answer.ranked for c, r in zip(said, results, strict=True)
        )
        confidence = np.array([-np.inf if c is None else c for c in said]) if usable else None
        right = np.array([result.rank == 1 for result in results], dtype=bool)
        known = np.array([c is not None for c in said], dtype=bool)
        known &= np.array([result.answer.known for result in results], dtype=bool)
        sure = confidence[known] if confidence is not None else np.empty(0)
        if sure.size and not (sure.min() >= 0.0 and sure.max() <= 1.0):
            sure = np.empty(0)
        if not sure.size:
            known = np.zeros_like(known)
        order = np.empty(0, dtype=np.intp)
        if confidence is not None:
            order = np.argsort(-confidence, kind="stable")
            order = order[np.isfinite(confidence[order])]
        sorted_ = confidence[order] if confidence is not None else np.empty(0)
        last = np.append(sorted_[1:] < sorted_[:-1], True)[: len(order)]
        return cls(confidence, order, last, ~right, known, sure, right[known])


def _drawn(weights: Floats, seed: int) -> Floats:
    """For each resample how much each case weighs in it."""
    count = len(weights)
    if not count:
        return np.empty((0, 0))
    times = max(MIN_RESAMPLES, min(RESAMPLES, MAX_WEIGHTS // count))
    chance = np.random.default_rng(seed)
    return chance.multinomial(count, np.full(count, 1.0 / count), times) * weights


def _figure(
    value: Callable[[Floats], float], usable: bool, weights: Floats, drawn: Floats
) -> Figure:
    """A figure of weights, and its percentiles over the resamples."""
    if not usable:
        return _nothing()
    return Figure(
        value(weights), _percentiles(np.array([value(w) for w in drawn])), float(len(weights))
    )


def _mean_figure(
    values: Floats, among: NDArray[np.bool_], weights: Floats, drawn: Floats
) -> Figure:
    """A weighted mean over the cases `among` which it is taken."""
    if not among.any():
        return _nothing()
    values, weights, drawn = values[among], weights[among], drawn[:, among]
    totals = drawn.sum(axis=1)
    means = (drawn @ values)[totals > 0] / totals[totals > 0]
    return Figure(
        float(np.average(values, weights=weights)), _percentiles(means), float(among.sum())
    )


def _brier(first: _First, weights: Floats, drawn: Floats) -> Figure:
    from sklearn.metrics import brier_score_loss

    if not first.sure.size:
        return _nothing()
    losses = np.zeros(len(weights))
    losses[first.known] = (first.sure - first.right) ** 2
    resampled = _mean_figure(losses, first.known, weights, drawn)
    value = brier_score_loss(
        first.right, first.sure, sample_weight=weights[first.known], pos_label=True
    )
    return Figure(float(value), resampled.interval, resampled.total)


def _auroc(results: Sequence[Result], weights: Floats, drawn: Floats) -> Figure:
    """How well `fit` tells tasks that some rule fits from those that none fits."""
    from sklearn.metrics import roc_auc_score

    inside = np.array([result.case.fits for result in results], dtype=bool)
    fit = [result.answer.fit for result in results]
    if inside.all() or not inside.any() or any(value is None for value in fit):
        return _nothing()
    sure = np.array(fit, dtype=float)
    value = roc_auc_score(inside, sure, sample_weight=weights)
    # The share of pairs in order (Mann & Whitney, 1947), which is the same area: ordered once.
    order = np.argsort(sure, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(sure[order]) > 0))

    def area(drawn: Floats) -> Floats:
        here = np.add.reduceat(np.where(inside, drawn, 0.0)[:, order], starts, axis=1)
        none = np.add.reduceat(np.where(inside, 0.0, drawn)[:, order], starts, axis=1)
        below = np.cumsum(none, axis=1) - none / 2
        with np.errstate(invalid="ignore"):
            found: Floats = (here * below).sum(axis=1) / (here.sum(axis=1) * none.sum(axis=1))
        return found

    return Figure(float(value), _percentiles(area(drawn)), float(len(weights)))


def _risks(first: _First, weights: Floats) -> tuple[Floats, Floats]:
    """Coverages and the risk at each; cases of one confidence are answered together."""
    order = first.order
    covered = np.cumsum(weights[order])
    wrong = np.cumsum(weights[order] * first.wrong[order])
    last = first.last & (covered > 0)
    return covered[last] / weights.sum(), wrong[last] / covered[last]


def _area(first: _First, weights: Floats) -> float:
    """AURC: the mean risk over coverages from 0 to 1 (Geifman, Uziel & El-Yaniv, "Bias-reduced
    uncertainty estimation for deep neural classifiers", ICLR 2019)."""
    coverages, risks = _risks(first, weights)
    return float((np.diff(coverages, prepend=0.0) * risks).sum())


def _curve(first: _First, weights: Floats) -> tuple[tuple[float, float], ...]:
    if first.confidence is None or not len(weights):
        return ()
    coverages, risks = _risks(first, weights)
    shown = np.unique(np.linspace(0, len(risks) - 1, min(CURVE_POINTS, len(risks))).astype(int))
    return tuple((round(float(coverages[n]), 4), round(float(risks[n]), 4)) for n in shown)


def _bins(first: _First) -> tuple[Bin, ...]:
    numbers = _bin_of(first.sure)
    found = []
    for number in range(BINS):
        here = numbers == number
        if here.any():
            right = Rate(float(first.right[here].sum()), float(here.sum()))
            found.append(Bin(round(float(first.sure[here].mean()), 4), right))
    return tuple(found)


def _bin_of(confidences: Floats) -> NDArray[np.intp]:
    return np.minimum((confidences * BINS).astype(np.intp), BINS - 1)


def _rules(
    results: Sequence[Result], weights: Floats, drawn: Floats
) -> tuple[tuple[RuleScore, ...], dict[str, Rate | Figure], tuple[Confusion, ...]]:
    """Each rule's scores, their plain means over the expected rules, and what went where.

    A case counts for each rule that it expects; one that accepts others and got them expects
    those. Cases that name only an agent or prompts say nothing of a rule.
    """
    from scipy.sparse import csr_array
    from sklearn.metrics import precision_recall_fscore_support
    from sklearn.preprocessing import MultiLabelBinarizer

    chosen = [n for n, result in enumerate(results) if result.case.level == "rule"]
    expected = [_expected(results[n]) for n in chosen]
    taken = [results[n].taken or (NONE,) for n in chosen]
    labels = sorted({label for said in expected for label in said})
    names = ("precision", "recall", "f1")
    if not labels:
        return (), {name: _nothing() for name in names}, ()
    # With a label that nobody uses: of one label scikit-learn takes no sparse matrix.
    everything = [*sorted({*labels, *(label for said in taken for label in said)}), ""]
    binary = MultiLabelBinarizer(classes=everything, sparse_output=True)
    truth, said = csr_array(binary.fit_transform(expected)), csr_array(binary.transform(taken))
    weights, drawn = weights[chosen], drawn[:, chosen]
    columns = [everything.index(label) for label in labels]
    scores = precision_recall_fscore_support(
        truth, said, labels=columns, sample_weight=weights, zero_division=0
    )[:3]
    means = precision_recall_fscore_support(
        truth, said, labels=columns, sample_weight=weights, zero_division=0, average="macro"
    )[:3]
    both = truth.multiply(said).tocsr()[:, columns]
    truth, said = truth[:, columns], said[:, columns]
    hits, own, got = (_sums(drawn, matrix) for matrix in (both, truth, said))
    with np.errstate(invalid="ignore", divide="ignore"):
        # A rule that a resample has no case of says nothing in it.
        precision = np.where(own > 0, np.where(got > 0, hits / got, 0.0), np.nan)
        f1 = np.where(own > 0, 2 * hits / (own + got), np.nan)
        recall = hits / own
    macro: dict[str, Rate | Figure] = {
        name: Figure(float(mean), _percentiles(_means(each)), float(len(chosen)))
        for name, mean, each in zip(names, means, (precision, recall, f1), strict=True)
    }
    effective = float(weights.sum() / np.square(weights).sum())
    counted = [_sums(weights[None, :], matrix)[0] * effective for matrix in (both, truth, said)]
    rules = [
        RuleScore(
            label,
            float(counted[1][n]),
            Rate(float(counted[0][n]), float(counted[2][n])),
            Rate(float(counted[0][n]), float(counted[1][n])),
            Figure(float(scores[2][n]), _percentiles(f1[:, n]), float(counted[1][n])),
        )
        for n, label in enumerate(labels)
    ]
    rules.sort(key=lambda rule: (rule.f1.value, -rule.cases, rule.rule))
    return tuple(rules), macro, _confusions(zip(expected, taken, strict=True))


def _means(rows: Floats) -> Floats:
    """The mean of each row but for its NaN; a row of nothing else is left out."""
    counted = np.isfinite(rows)
    counts = counted.sum(axis=1)
    found: Floats = np.where(counted, rows, 0.0).sum(axis=1)[counts > 0] / counts[counts > 0]
    return found


def _sums(weights: Floats, matrix: csr_array) -> Floats:
    """Weighted sums of a matrix' rows, for each row of weights."""
    return np.asarray((matrix.T @ weights.T).T, dtype=float)


def _expected(result: Result) -> tuple[str, ...]:
    if result.right and result.taken:
        return result.taken
    return result.case.expect or tuple(sorted(result.case.accept)) or (NONE,)


def _confusions(
    pairs: Iterable[tuple[tuple[str, ...], tuple[str, ...]]],
) -> tuple[Confusion, ...]:
    """scikit-learn's confusion matrix of the cases of one rule, as its entries above 0.

    Mistakes come first, the most frequent of them at the head.
    """
    from sklearn.metrics import confusion_matrix

    single = [(expected[0], taken[0]) for expected, taken in pairs if len(expected) == 1]
    if not single:
        return ()
    # And one that nobody uses: scikit-learn warns of a matrix of a single label.
    labels = [*sorted({label for pair in single for label in pair}), ""]
    matrix = confusion_matrix(*zip(*single, strict=True), labels=labels)
    found = [
        Confusion(labels[row], labels[column], int(matrix[row, column]))
        for row, column in np.argwhere(matrix)
    ]
    return tuple(sorted(found, key=lambda c: (c.expected == c.taken, -c.count)))


def _latency(seconds: Sequence[float]) -> dict[str, float]:
    if not any(seconds):
        return {}
    milliseconds = np.quantile(seconds, tuple(LATENCIES.values())) * 1e3
    return dict(zip(LATENCIES, np.round(milliseconds, 3).tolist(), strict=True))


def _percentiles(values: Floats) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return (float("nan"), float("nan"))
    low, high = np.quantile(finite, (0.025, 0.975)).tolist()
    return low, high


def _nothing() -> Figure:
    return Figure(float("nan"), (float("nan"), float("nan")), 0.0)


def _or_none(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
