"""How a router does on sample tasks: each with its answer, and the rates at which it is right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum, sqrt
from time import perf_counter
from typing import Any

from router.evaluation.answers import Answer, Router, answer_of, words_of
from router.evaluation.cases import Case, agents_of
from router.model.text import words

TOP = 3
EXPLAINED = 2000
"""Of more cases only the misses are told with the words that decided."""

NORMAL_QUANTILE = 1.959963984540054
"""Of 0.975: 95 % of a normal distribution lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case, and how long that took."""

    case: Case
    answer: Answer
    seconds: float = 0.0

    @property
    def taken(self) -> tuple[str, ...]:
        """The routes that were taken, in order; none after an abstention."""
        return self.answer.taken

    @property
    def right(self) -> bool:
        """Whether what was taken is what the case expects, or accepts."""
        case, taken = self.case, set(self.taken)
        if not case.fits:
            return not taken
        return bool(taken) and (taken == set(case.expect) or taken <= case.accept)

    @property
    def right_agent(self) -> bool:
        """Whether the agents of what was taken are the expected ones."""
        case, taken = self.case, agents_of(self.taken)
        if not case.fits:
            return not taken
        accepted = agents_of(case.accept)
        return bool(taken) and (taken == agents_of(case.expect) or taken <= accepted)

    @property
    def right_bundle(self) -> bool:
        """Whether what was taken leads to the expected prompts, by whatever rule."""
        if not self.case.fits:
            return not self.taken
        return bool(self.taken) and frozenset(self.answer.bundle or ()) in self.case.bundles

    @property
    def rank(self) -> int | None:
        """The place of the first right route among the candidates, from 1; None if not there."""
        for place, ranked in enumerate(self.answer.ranked, start=1):
            if self.case.welcomes(ranked.route):
                return place
        return None

    def to_dict(self) -> dict[str, Any]:
        case = self.case
        return {
            "task": case.task,
            "path": case.path,
            "line": case.line,
            "expect": list(case.expect),
            "accept": sorted(case.accept),
            "tags": list(case.tags),
            "right": self.right,
            "rank": self.rank,
        } | self.answer.to_dict()


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
        return tuple(result for result in self.results if result.case.fits)

    @property
    def outside(self) -> tuple[Result, ...]:
        """Cases that no rule fits."""
        return tuple(result for result in self.results if not result.case.fits)

    @property
    def misses(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.right)

    @property
    def rates(self) -> dict[str, Rate]:
        """Every rate by its name; a case counts as often as it weighs."""
        inside, outside = self.inside, self.outside
        named = [r for r in self.results if r.case.level == "rule"]
        prompts = [
            r
            for r in self.results
            if r.answer.bundle is not None and (r.case.bundles or not r.case.fits)
        ]
        rates = {
            "accuracy": rate(self.results, lambda r: r.right),
            "agent_accuracy": rate(self.results, lambda r: r.right_agent),
            "bundle_accuracy": rate(prompts, lambda r: r.right_bundle),
            "rule_accuracy": rate(named, lambda r: r.right),
            "top1": rate(inside, lambda r: r.rank == 1),
            f"top{TOP}": rate(inside, lambda r: r.rank is not None and r.rank <= TOP),
            "agent_top1": rate(inside, _agent_first),
            "selective_accuracy": rate([r for r in self.results if r.taken], lambda r: r.right),
            "coverage": rate(inside, lambda r: bool(r.taken)),
            "abstained_outside": rate(outside, lambda r: not r.taken),
        }
        if any(len(result.case.expect) > 1 for result in self.results):
            found = sum(len(set(r.taken) & set(r.case.expect)) for r in self.results)
            several = [r for r in inside if len(r.case.expect) > 1]
            single = [r for r in inside if len(r.case.expect) == 1]
            rates |= {
                "match_precision": Rate(found, sum(len(r.taken) for r in self.results)),
                "match_recall": Rate(found, sum(len(r.case.expect) for r in self.results)),
                "split_several": rate(several, lambda r: len(r.taken) > 1),
                "split_one": rate(single, lambda r: len(r.taken) > 1),
            }
        return rates


def rate(results: Sequence[Result], hit: Callable[[Result], bool]) -> Rate:
    """The rate at which `hit` is true of these results.

    Cases of unequal weight are worth fewer (Kish's effective number), so that the interval is not
    narrower than it should be.
    """
    weights = [result.case.weight for result in results]
    hits = fsum(w for w, result in zip(weights, results, strict=True) if hit(result))
    total, squares = fsum(weights), fsum(w * w for w in weights)
    effective = total / squares if squares else 0.0
    return Rate(hits * effective, total * effective)


def evaluate(
    route: Router,
    cases: Sequence[Case],
    notify: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Route every case with `route`, any function that answers a task (see `answers.Router`).

    `notify` is told how many are done, of how many. A router's `route` would recall cases that are
    among the library's labelled tasks: give it `recall=False`.
    """
    results = []
    for done, case in enumerate(cases):
        notify(done, len(cases))
        started = perf_counter()
        said = route(case.task)
        seconds = perf_counter() - started
        result = Result(case, answer_of(said), seconds)
        if len(cases) <= EXPLAINED or not result.right:
            result = replace(result, answer=replace(result.answer, words=words_of(said)))
        results.append(result)
    notify(len(cases), len(cases))
    return Report(tuple(results))


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


def _agent_first(result: Result) -> bool:
    first = result.answer.ranked[:1]
    expected = agents_of((*result.case.expect, *result.case.accept))
    return bool(first) and agents_of([first[0].route]) <= expected
