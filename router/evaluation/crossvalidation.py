"""What a library's labelled tasks have taught it, judged by tasks that it has not learned from.

A task that a library has learned finds itself. So it is held out: the library is compiled without
it and others like it (a fold), and that router judges it. What was gained is the difference to the
library without any labelled task.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import fsum
from typing import Any, Literal

from router.errors import Fault
from router.evaluation.answers import RANKED
from router.evaluation.answers import Router as Asked
from router.evaluation.cases import Case, case_of
from router.evaluation.comparing import Paired
from router.evaluation.measuring import Rate, Report, Result, evaluate, key, stratified
from router.library.records import LabelledTask, Route
from router.router import Router

FOLDS = 5

FEW, MANY = 50, 200
"""Fewer learned tasks than `FEW` are judged three times, fewer than `MANY` twice."""

Compile = Callable[[tuple[LabelledTask, ...]], Asked]
"""From the labelled tasks that a library may learn from to what it then decides."""

Notify = Callable[[int, int], None]
"""Told how many compiles are done, of how many."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A case that the library knows: the words of a rule's Example, or of a labelled task.

    `label` and `source` are those of the Example or task. A labelled task is held out; an Example
    is not, so that the case finds itself.
    """

    case: Case
    kind: Literal["example", "learned"]
    label: str
    source: str

    @property
    def fault(self) -> Fault:
        """For people, a warning."""
        if self.kind == "example":
            message = f"is an Example of {self.label} ({self.source}) and finds itself; delete one"
        else:
            message = f"was learned as `{self.label}` ({self.source}); judged by cross-validation"
        return Fault(self.case.path, self.case.line, message, "warning")

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.case.path,
            "line": self.case.line,
            "task": self.case.task,
            "kind": self.kind,
            "label": self.label,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Split:
    """How tasks are held out: in so many `folds`, each in turn, `repeats` times."""

    folds: int
    repeats: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        return {"folds": self.folds, "repeats": self.repeats, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same cases without what was learned and with it.

    `after` has a report for each repeat. `held_out` of the cases are learned tasks, judged as
    `split` says; it is None where there are none.
    """

    before: Report
    after: tuple[Report, ...]
    held_out: int
    split: Split | None

    @property
    def rates(self) -> dict[str, tuple[Rate, Rate]]:
        """Every rate without and with what was learned; the latter a mean over the repeats."""
        passes = [report.rates for report in self.after]
        return {
            name: (rate, _mean([found[name] for found in passes]))
            for name, rate in self.before.rates.items()
        }

    @property
    def usual(self) -> Report:
        """Each case as most of the repeats decide it; of equally many, as the first of them."""
        repeated = zip(*(report.results for report in self.after), strict=True)
        return Report(tuple(map(_most_common, repeated)))

    @property
    def paired(self) -> Paired:
        return Paired(self.before, self.usual)

    def to_dict(self) -> dict[str, Any]:
        return {
            "without_learned": {
                "metrics": {name: rate.to_dict() for name, rate in self.before.rates.items()},
                "results": [result.to_dict() for result in self.before.results],
            },
            "held_out": self.held_out,
            "cross_validation": self.split and self.split.to_dict(),
        } | self.paired.to_dict()


def own_cases(learned: Iterable[LabelledTask], routes: Iterable[Route] = ()) -> tuple[Case, ...]:
    """A library's labelled tasks as cases; of several with the same words the last."""
    known = {route.id: route for route in routes}
    last = {key(row.task): row for row in learned}
    return tuple(case_of(row, known) for row in last.values())


def leaks(
    cases: Iterable[Case], routes: Iterable[Route], learned: Iterable[LabelledTask] = ()
) -> tuple[Leak, ...]:
    """The cases that equal an Example of the `routes` or a `learned` task, but for case."""
    examples = {
        key(example): (route.id, f"{route.agent.path}:{route.rule.line}")
        for route in routes
        for example in route.rule.examples
    }
    taught = {key(row.task): (row.label, row.source) for row in learned}
    found: list[Leak] = []
    for case in cases:
        said = key(case.task)
        if said in examples:
            found.append(Leak(case, "example", *examples[said]))
        if said in taught:
            found.append(Leak(case, "learned", *taught[said]))
    return tuple(found)


def asked(router: Router) -> Asked:
    """A router of ours as one to be judged: it recalls no labelled task."""
    return partial(router.route, recall=False, top=RANKED)


def compiler(router: Router) -> Compile:
    """Compiles a router's library with other labelled tasks, here and now.

    From what its model holds: nothing is read or rendered again.
    """
    from router.compiler.compiling import compile_library, library_of  # late: scikit-learn
    from router.compiler.encoder import load_encoder
    from router.model import artifact

    model = router.model
    library = library_of(model)
    encoder = load_encoder() if model.encoder else None

    def compiled(tasks: tuple[LabelledTask, ...]) -> Asked:
        payload = compile_library(replace(library, tasks=tasks), model.made_from, encoder)
        return asked(Router(artifact.loads(payload)))

    return compiled


def compare(
    cases: Sequence[Case],
    learned: Sequence[LabelledTask],
    whole: Asked,
    compiled: Compile,
    folds: int = FOLDS,
    repeats: int | None = None,
    seed: int = 0,
    notify: Notify = lambda done, total: None,
) -> Comparison:
    """The cases with and without what a library has `learned`, no case judged by itself.

    `whole` decides with all that was learned, for cases that are not among it; `compiled` makes
    what decides with less. The same cases, tasks and `seed` give the same folds.
    """
    units = _units(learned)
    said = [key(case.task) for case in cases]
    wanted = {units[words] for words in said if words in units}
    split = _split(len(units), folds, repeats, seed) if wanted else None
    passes = _passes(units, learned, split) if split else [[]]
    folds_wanted = [
        (repeat, held) for repeat, parts in enumerate(passes) for held in parts if held & wanted
    ]
    compiles = 1 + len(folds_wanted)
    notify(0, compiles)
    before = evaluate(compiled(()), cases)
    others = [number for number in range(len(cases)) if said[number] not in units]
    new = dict(zip(others, evaluate(whole, [cases[n] for n in others]).results, strict=True))
    after = [dict(new) for _ in passes]
    for done, (repeat, held) in enumerate(folds_wanted, start=1):
        notify(done, compiles)
        judge = compiled(tuple(row for row in learned if units[key(row.task)] not in held))
        numbers = [number for number in range(len(cases)) if units.get(said[number]) in held]
        judged = evaluate(judge, [cases[number] for number in numbers]).results
        after[repeat] |= dict(zip(numbers, judged, strict=True))
    notify(compiles, compiles)
    reports = (Report(tuple(results[n] for n in range(len(cases)))) for results in after)
    return Comparison(before, tuple(reports), len(cases) - len(new), split)


def _units(learned: Iterable[LabelledTask]) -> dict[tuple[str, ...], int]:
    """A number for each learned task; those with the same words are one, and held out together."""
    return {said: number for number, said in enumerate(dict.fromkeys(key(r.task) for r in learned))}


def _split(units: int, folds: int, repeats: int | None, seed: int) -> Split:
    """No more folds than tasks; and each task on its own is held out alike in every repeat."""
    if folds >= units:
        return Split(units, 1, seed)
    if repeats is None:
        repeats = 3 if units < FEW else 2 if units < MANY else 1
    return Split(folds, repeats, seed)


def _passes(
    units: dict[tuple[str, ...], int], learned: Iterable[LabelledTask], split: Split
) -> list[list[frozenset[int]]]:
    """For each repeat, the numbers of the units in each fold: a share of every label in each."""
    labels = {units[key(row.task)]: row.expect for row in learned}
    strata = [labels[number] for number in range(len(units))]
    chance = random.Random(split.seed)  # noqa: S311 - to be repeated, not a secret
    return [stratified(strata, split.folds, chance) for _ in range(split.repeats)]


def _most_common(repeated: tuple[Result, ...]) -> Result:
    counts = Counter(frozenset(result.taken) for result in repeated)
    best = max(counts, key=lambda taken: counts[taken])
    return next(result for result in repeated if set(result.taken) == best)


def _mean(rates: Sequence[Rate]) -> Rate:
    if len(rates) == 1:
        return rates[0]
    hits, totals = fsum(r.hits for r in rates), fsum(r.total for r in rates)
    return Rate(hits / len(rates), totals / len(rates))
