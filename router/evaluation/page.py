"""An evaluation as one HTML file that opens from a disk: charts, and every case in a table.

Nothing is loaded from anywhere; the charts are drawn here, so that only the table's filter needs
the script. It can be used with the keyboard alone, printed, and read in the dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEMPLATE = Path(__file__).with_name("page.html")

MAX_CELLS = 60
"""Rules to a side of the confusion matrix, those that are confused most; more cannot be read."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its 95 % interval; `of` says what it counts, such as `12/40`."""

    name: str
    value: float
    low: float
    high: float
    of: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """How one rule does."""

    rule: str
    cases: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of about equal confidence: their mean confidence, the share that was right."""

    confidence: float
    right: float
    cases: int


@dataclass(frozen=True, slots=True)
class Dot:
    """A rule or a case in the plane; `label` is the rule's id or the case's task."""

    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Row:
    """A case: what was expected of it and what became of it."""

    task: str
    expected: str
    taken: str
    confidence: float
    right: bool
    why: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a page shows.

    `labels` name the rows (expected) and columns (taken) of `confusion`. `curve` has a coverage and
    the risk at it, in the order of coverage. `rules` and `cases` are the map.
    """

    title: str
    measures: Sequence[Measure]
    bars: Sequence[Bar]
    labels: Sequence[str]
    confusion: Sequence[Sequence[int]]
    bins: Sequence[Bin]
    curve: Sequence[tuple[float, float]]
    rules: Sequence[Dot]
    cases: Sequence[Dot]
    rows: Sequence[Row]


def plane(
    rules: NDArray[np.float64], cases: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rules and cases in two dimensions, each from -1 to 1.

    Both come as scores for each route (rows × routes), of which only the differences within a row
    count; the axes are the first two principal components of the rules'.

    >>> rules, cases = plane(np.eye(3), np.eye(3)[:1])
    >>> rules.shape, cases.shape
    ((3, 2), (1, 2))
    """
    rules, cases = _directions(rules), _directions(cases)
    mean = rules.mean(axis=0)
    _, _, axes = np.linalg.svd(rules - mean, full_matrices=False)
    axes = np.vstack([axes, np.zeros((2, axes.shape[1]))])[:2]
    places = (rules - mean) @ axes.T
    others = (cases - mean) @ axes.T if len(cases) else np.zeros((0, 2))
    most = max(float(np.abs(np.vstack([places, others])).max(initial=0.0)), 1e-9)
    return places / most, others / most


def _directions(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 0 and length 1: a long task scores higher, and lies where a short one does."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(lengths, 1e-9))


def page(found: Findings) -> str:
    """The page as HTML.

    >>> "<html" in page(Findings("Ship", (), (), (), (), (), (), (), (), ()))
    True
    """
    from jinja2 import Environment, StrictUndefined  # late: only pages need it here

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    labels, cells = _worst(found)
    return template.render(
        found=found, labels=labels, cells=cells, most=max(map(max, cells), default=0)
    )


def _worst(found: Findings) -> tuple[list[str], list[list[int]]]:
    """The part of the confusion matrix that can be read."""
    matrix = np.array(found.confusion, dtype=np.int64).reshape((len(found.labels),) * 2)
    if len(found.labels) > MAX_CELLS:
        wrong = matrix - np.diag(np.diag(matrix))
        worst = np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MAX_CELLS]
        kept = np.sort(worst)
    else:
        kept = np.arange(len(found.labels))
    return [found.labels[n] for n in kept], matrix[np.ix_(kept, kept)].tolist()
