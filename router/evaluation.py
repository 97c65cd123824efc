"""Sample tasks with the route that each should take, and how a router does on them."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.decision import Decision
from router.errors import CasesError, Fault
from router.tasks import read_rows

TOP = 3
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """A sample task and the route it should take; `expect` is None for one that fits no rule."""

    task: str
    expect: str | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case."""

    case: Case
    decision: Decision

    @property
    def taken(self) -> str | None:
        """The route that was taken, None for an abstention."""
        return None if self.decision.abstained else self.decision.candidates[0].route

    @property
    def right(self) -> bool:
        return self.taken == self.case.expect

    @property
    def rank(self) -> int | None:
        """The place of the expected route among the candidates, from 1; None if not there."""
        for place, candidate in enumerate(self.decision.candidates, start=1):
            if candidate.route == self.case.expect:
                return place
        return None

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.case.task,
            "line": self.case.line,
            "expect": self.case.expect,
            "taken": self.taken,
            "right": self.right,
            "rank": self.rank,
            "outcome": self.decision.outcome,
            "reason": self.decision.reason,
            "candidates": [
                {"route": c.route, "confidence": c.confidence}
                for c in self.decision.candidates[:TOP]
            ],
        }


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `total`, with its 95 % Wilson interval."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927) score interval, from scipy."""
        from scipy.stats import binomtest

        if not self.total:
            return (0.0, 1.0)
        found = binomtest(self.hits, self.total).proportion_ci(method="wilson")
        return (float(found.low), float(found.high))

    def to_dict(self) -> dict[str, Any]:
        value = self.value if self.total else None
        return {"value": value, "hits": self.hits, "total": self.total, "ci95": self.interval}


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all cases; every figure derives from them.

    A case is right when the route taken is the expected one, or when none was and none fits.
    """

    results: tuple[Result, ...]

    @property
    def inside(self) -> tuple[Result, ...]:
        """Cases that some rule fits."""
        return tuple(result for result in self.results if result.case.expect is not None)

    @property
    def outside(self) -> tuple[Result, ...]:
        """Cases that no rule fits."""
        return tuple(result for result in self.results if result.case.expect is None)

    @property
    def misses(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.right)

    @property
    def rates(self) -> dict[str, Rate]:
        """Every rate by its name."""
        inside, outside = self.inside, self.outside
        taken = [result for result in self.results if result.taken is not None]
        return {
            "accuracy": _rate((r.right for r in self.results), self.results),
            "ranked first": _rate((r.rank == 1 for r in inside), inside),
            f"ranked in {TOP}": _rate(
                (r.rank is not None and r.rank <= TOP for r in inside), inside
            ),
            "right agent first": _rate((_agent_first(r) for r in inside), inside),
            "right when taken": _rate((r.right for r in taken), taken),
            "abstained, some rule fits": _rate((r.taken is None for r in inside), inside),
            "abstained, no rule fits": _rate((r.taken is None for r in outside), outside),
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "cases": len(self.results),
            "rates": {name: rate.to_dict() for name, rate in self.rates.items()},
            "misses": [result.to_dict() for result in self.misses],
        }


def evaluate(route: Callable[[str], Decision], cases: Iterable[Case]) -> Report:
    """Route every case with `route`, any function from a task to a `Decision`."""
    return Report(tuple(Result(case, route(case.task)) for case in cases))


def read_cases(path: Path, routes: Iterable[str]) -> tuple[Case, ...]:
    """The cases of a JSONL file: `{"task": "…", "expect": "agent/rule" or null}` a line.

    `routes` are the ids that there are. Raises `CasesError` with every bad line.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            message = f"is no regular file of at most {MAX_BYTES >> 20} MB"
            raise CasesError((Fault(str(path), 1, message),))
        data = path.read_bytes()
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CasesError((Fault(str(path), 1, f"cannot be read: {cause}"),)) from None
    rows, faults = read_rows(str(path), data, frozenset(routes))
    if not rows and not faults:
        faults.append(Fault(str(path), 1, 'no cases; add {"task": "…", "expect": "agent/rule"}'))
    if faults:
        raise CasesError(tuple(faults))
    return tuple(Case(row.task, row.expect[0] if row.expect else None, row.line) for row in rows)


def _rate(hits: Iterable[bool], total: tuple[Result, ...] | list[Result]) -> Rate:
    return Rate(sum(hits), len(total))


def _agent_first(result: Result) -> bool:
    first = result.decision.candidates[:1]
    expected = (result.case.expect or "").partition("/")[0]
    return bool(first) and first[0].agent == expected
