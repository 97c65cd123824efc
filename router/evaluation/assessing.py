"""One evaluation from end to end: cases and a router in, everything that is to be known out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from router.errors import LibraryError
from router.evaluation import against, crossvalidation
from router.evaluation.answers import Router as Asked
from router.evaluation.cases import Case
from router.evaluation.comparing import Paired
from router.evaluation.crossvalidation import Comparison, Leak
from router.evaluation.gates import Failure, Gates, failures
from router.evaluation.measuring import Report, evaluate
from router.evaluation.metrics import Metrics, measure
from router.router import Router

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how much of how much of it."""


@dataclass(frozen=True, slots=True)
class Folds:
    """How learned tasks are held out (see `crossvalidation`), and what chance is seeded with."""

    folds: int = crossvalidation.FOLDS
    repeats: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Against:
    """What another version made of the same cases; `missing` are those that it has no answer to."""

    name: str
    paired: Paired
    missing: tuple[Case, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "cases": len(self.paired.after.results),
            "missing": [case.source for case in self.missing],
        } | self.paired.to_dict()


@dataclass(frozen=True, slots=True)
class Assessment:
    """An evaluation. `learning` is there where the library has learned tasks; `report` is then
    each case as most of its repeats decide it."""

    report: Report
    metrics: Metrics
    learning: Comparison | None = None
    leaks: tuple[Leak, ...] = ()
    against: Against | None = None
    failed: tuple[Failure, ...] = ()

    def gated(self, gates: Gates) -> Assessment:
        """The same with the gates that it does not pass."""
        changed = self.against.paired.counts if self.against else None
        measured = self.metrics
        return replace(self, failed=failures(gates, measured.figures, measured.latency, changed))

    def to_dict(self) -> dict[str, Any]:
        return (
            {"cases": len(self.report.results)}
            | self.metrics.to_dict()
            | {"results": [result.to_dict() for result in self.report.results]}
            | {"learned": self.learning and self.learning.to_dict()}
            | {"leaks": [leak.to_dict() for leak in self.leaks]}
            | {"against": self.against and self.against.to_dict()}
            | {"failed": [failure.to_dict() for failure in self.failed]}
        )


def assess(
    router: Router, cases: Sequence[Case], folds: Folds, progress: Progress, *, own: bool = False
) -> Assessment:
    """How a router of ours does on these cases, no learned task judged by itself.

    `own` says that the cases are those that the library has learned, which is then no leak.
    """
    learned = router.model.tasks
    report, learning = _judged(router, cases, folds, progress)
    rates = {name: after for name, (_, after) in learning.rates.items()} if learning else None
    leaks = crossvalidation.leaks(cases, router.routes, () if own else learned)
    return Assessment(report, measure(report, rates, folds.seed), learning, leaks)


def assess_other(
    route: Asked, cases: Sequence[Case], folds: Folds, progress: Progress
) -> Assessment:
    """How somebody else's router does on these cases."""
    report = evaluate(route, cases, lambda done, total: progress("routing", done, total))
    return Assessment(report, measure(report, seed=folds.seed))


def compared(
    found: Assessment,
    target: str,
    root: Path,
    folds: Folds,
    progress: Progress,
    notify: Callable[[str], None],
) -> Assessment:
    """The assessment beside what `target` makes of its cases: a folder with a library, the report
    of an earlier run, or a git revision of the library at `root`."""
    results = found.report.results
    cases = tuple(result.case for result in results)
    if Path(target).is_file():
        before, missing = against.read_report(Path(target), cases)
        lost = {id(case) for case in missing}
        after = Report(tuple(result for result in results if id(result.case) not in lost))
        return replace(found, against=Against(target, Paired(before, after), missing))
    with _library(target, root) as folder:
        try:
            other = Router.load(
                folder, notify=lambda text: notify(text.replace(str(folder), target))
            )
        except LibraryError as error:
            raise LibraryError(
                tuple(replace(fault, path=f"{target}:{fault.path}") for fault in error.faults)
            ) from None
        before, _ = _judged(other, cases, folds, progress)
    return replace(found, against=Against(target, Paired(before, found.report)))


@contextmanager
def _library(target: str, root: Path) -> Iterator[Path]:
    if Path(target).is_dir():
        yield Path(target)
    else:
        with against.checkout(root, target) as folder:
            yield folder


def _judged(
    router: Router, cases: Sequence[Case], folds: Folds, progress: Progress
) -> tuple[Report, Comparison | None]:
    learned, asked = router.model.tasks, crossvalidation.asked(router)
    if not learned:
        return evaluate(asked, cases, lambda done, total: progress("routing", done, total)), None
    found = crossvalidation.compare(
        cases, learned, asked, crossvalidation.compiler(router),
        folds.folds, folds.repeats, folds.seed,
        lambda done, total: progress("compiling", done, total),
    )  # fmt: skip
    return found.usual, found
