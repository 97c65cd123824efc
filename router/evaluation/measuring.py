"""Sample tasks with the route that each should take, and how a router does on them."""

from __future__ import annotations

import random
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from router.decision.deciding import Decision
from router.errors import CasesError, Fault
from router.library.tasks import read_rows
from router.model.text import words

TOP = 3
NORMAL_QUANTILE = 1.959963984540054
"""Of 0.975: 95 % of a normal distribution lie within so many standard deviations."""

MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Case:
    """A sample task and the routes it should take, in order; none for one that fits no rule.

    `path` and `line` say where it is written.
    """

    task: str
    expect: tuple[str, ...]
    line: int = 0
    path: str = ""

    @property
    def source(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case."""

    case: Case
    decision: Decision

    @property
    def taken(self) -> tuple[str, ...]:
        """The routes that were taken, in order; none after an abstention."""
        return tuple(match.route for match in self.decision.matches)

    @property
    def right(self) -> bool:
        """Whether exactly the expected routes were taken, in whatever order."""
        return set(self.taken) == set(self.case.expect)

    @property
    def rank(self) -> int | None:
        """The place of the first expected route among the candidates, from 1; None if not there."""
        for place, candidate in enumerate(self.decision.candidates, start=1):
            if candidate.route in self.case.expect:
                return place
        return None

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": self.case.task,
            "path": self.case.path,
            "line": self.case.line,
            "expect": list(self.case.expect),
            "taken": list(self.taken),
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
    """`hits` of `total`, with its 95 % Wilson interval.

    Both may be means over several passes through the same tasks, which do not make the interval
    any narrower.
    """

    hits: float
    total: float

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson (1927) score interval; scipy's does not take means."""
        if not self.total:
            return (0.0, 1.0)
        square = NORMAL_QUANTILE**2 / self.total
        centre = self.value + square / 2
        half = sqrt(square * (self.value * (1.0 - self.value) + square / 4))
        low, high = (centre - half) / (1.0 + square), (centre + half) / (1.0 + square)
        return (max(0.0, low), min(1.0, high))

    def to_dict(self) -> dict[str, Any]:
        value = self.value if self.total else None
        return {"value": value, "hits": self.hits, "total": self.total, "ci95": self.interval}


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all cases; every figure derives from them.

    A case is right when the routes taken are the expected ones, or when none was and none fits.
    """

    results: tuple[Result, ...]

    @property
    def inside(self) -> tuple[Result, ...]:
        """Cases that some rule fits."""
        return tuple(result for result in self.results if result.case.expect)

    @property
    def outside(self) -> tuple[Result, ...]:
        """Cases that no rule fits."""
        return tuple(result for result in self.results if not result.case.expect)

    @property
    def misses(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.right)

    @property
    def rates(self) -> dict[str, Rate]:
        """Every rate by its name."""
        inside, outside = self.inside, self.outside
        taken = [result for result in self.results if result.taken]
        rates = {
            "accuracy": _rate((r.right for r in self.results), self.results),
            "ranked first": _rate((r.rank == 1 for r in inside), inside),
            f"ranked in {TOP}": _rate(
                (r.rank is not None and r.rank <= TOP for r in inside), inside
            ),
            "right agent first": _rate((_agent_first(r) for r in inside), inside),
            "right when taken": _rate((r.right for r in taken), taken),
            "abstained, some rule fits": _rate((not r.taken for r in inside), inside),
            "abstained, no rule fits": _rate((not r.taken for r in outside), outside),
        }
        if any(len(result.case.expect) > 1 for result in self.results):
            found = sum(len(set(r.taken) & set(r.case.expect)) for r in self.results)
            several = [r for r in inside if len(r.case.expect) > 1]
            single = [r for r in inside if len(r.case.expect) == 1]
            rates |= {
                "matches, precision": Rate(found, sum(len(r.taken) for r in self.results)),
                "matches, recall": Rate(found, sum(len(r.case.expect) for r in self.results)),
                "several intents, split": _rate((len(r.taken) > 1 for r in several), several),
                "one intent, split": _rate((len(r.taken) > 1 for r in single), single),
            }
        return rates

    def to_dict(self) -> dict[str, Any]:
        return {
            "cases": len(self.results),
            "rates": {name: rate.to_dict() for name, rate in self.rates.items()},
            "misses": [result.to_dict() for result in self.misses],
        }


def evaluate(route: Callable[[str], Decision], cases: Iterable[Case]) -> Report:
    """Route every case with `route`, any function from a task to a `Decision`.

    A router's `route` would recall cases that are among the library's labelled tasks: give it
    `recall=False`.
    """
    return Report(tuple(Result(case, route(case.task)) for case in cases))


def read_cases(path: Path, routes: Iterable[str]) -> tuple[Case, ...]:
    """The cases of a JSONL file: `{"task": "…", "expect": "agent/rule"}` a line.

    `expect` is null where no rule fits, a list where the task asks for several things.

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
    return tuple(Case(row.task, row.expect, row.line, row.path) for row in rows)


def key(task: str) -> tuple[str, ...]:
    """What a task is to a router: tasks with the same words, in whatever case, are one.

    >>> key("Ship it!") == key("ship  it")
    True
    """
    return tuple(words(task)) or (task,)


def stratified(strata: Sequence[Any], parts: int, chance: random.Random) -> list[frozenset[int]]:
    """The numbers of the members of `strata` in so many parts, drawn by `chance`.

    Each part has its share of each stratum, to within one member, however few it has. (What
    scikit-learn's `StratifiedKFold` does, which refuses strata with fewer members than parts.)
    """
    order = list(range(len(strata)))
    chance.shuffle(order)
    order.sort(key=lambda number: strata[number])
    return [frozenset(order[part::parts]) for part in range(parts)]


def _rate(hits: Iterable[bool], total: tuple[Result, ...] | list[Result]) -> Rate:
    return Rate(sum(hits), len(total))


def _agent_first(result: Result) -> bool:
    first = result.decision.candidates[:1]
    expected = {route.partition("/")[0] for route in result.case.expect}
    return bool(first) and first[0].agent in expected
