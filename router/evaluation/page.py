"""An evaluation as one HTML file that opens from a disk: charts, and every case in a table.

Nothing is loaded from anywhere; the charts are drawn here, so that only the table's filter needs
the script. It can be used with the keyboard alone, printed, and read in the dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from router.evaluation.comparing import Paired
from router.evaluation.measuring import Report, Result
from router.evaluation.metrics import Confusion, Metrics
from router.evaluation.plane import Dot

TEMPLATE = Path(__file__).with_name("page.html")

MAX_CELLS = 60
"""Rules to a side of the confusion matrix, those that are confused most; more cannot be read."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a page shows.

    `rules` and `cases` are the map, none where the router is not ours. `changed` is the same cases
    decided by another version, which is called `before`.
    """

    title: str
    report: Report
    metrics: Metrics
    rules: Sequence[Dot] = ()
    cases: Sequence[Dot] = ()
    changed: Paired | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often each label was expected (rows) and taken (columns); there are `total` labels."""

    labels: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    total: int

    @property
    def most(self) -> int:
        """The largest count."""
        return max(map(max, self.cells), default=0)


def page(found: Findings, names: Mapping[str, str], why: Callable[[Result], str]) -> str:
    """The page as HTML; `names` are what people call the figures, `why` tells what won a case."""
    from jinja2 import Environment, StrictUndefined  # late: only pages need it here

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["figure"] = _figure
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    return template.render(
        found=found, metrics=found.metrics, results=found.report.results, names=names, why=why,
        matrix=matrix_of(found.metrics.confusions),
    )  # fmt: skip


def matrix_of(confusions: Sequence[Confusion]) -> Matrix:
    """The confusion matrix, or the part of it with the most mistakes.

    >>> matrix_of([Confusion("a/b", "c/d", 2)]).cells
    ((0, 2), (0, 0))
    """
    labels = sorted({label for found in confusions for label in (found.expected, found.taken)})
    mistakes = dict.fromkeys(labels, 0)
    for found in confusions:
        if found.expected != found.taken:
            mistakes[found.expected] += found.count
            mistakes[found.taken] += found.count
    kept = sorted(sorted(labels, key=lambda label: -mistakes[label])[:MAX_CELLS])
    counts = {(found.expected, found.taken): found.count for found in confusions}
    cells = tuple(tuple(counts.get((row, column), 0) for column in kept) for row in kept)
    return Matrix(tuple(kept), cells, len(labels))


def _figure(value: float | None, places: int = 3) -> str:
    return "–" if value is None or isnan(value) else f"{value:.{places}f}"
