"""Which rules are in each other's way: read from a compiled library, without a labelled task.

A rule's own When and Examples are asked as tasks. Where another rule wins them, or scores nearly as
much, the two overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router.library.records import Route
from router.library.tasks import MAX_TASK_BYTES
from router.model.scores import Scores
from router.model.text import STOP_WORDS
from router.router import Router

ALIKE = 0.5
"""The share of a rule's own score that another one reaches on its When, from which on they are
listed. Two rules of the same words reach 1."""

NEIGHBOURS, SEPARATING = 4, 4
"""Other rules looked at for each; words named for each of a pair."""


@dataclass(frozen=True, slots=True)
class Stolen:
    """A line of a rule's own that another rule wins. `field` is `when` or `example`.

    `confidence` is that of the decision for the other rule, 0 where none is taken or its own is as
    well; `words` are those that decided it.
    """

    field: str
    text: str
    by: str
    confidence: float = 0.0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rules that overlap.

    `alike` is the share of its own score that each reaches on the other's When, on average.
    `stolen` are lines of one that the other wins. `words` are those that speak most for the first
    and against the second, and the other way round: more of them keeps the two apart.
    """

    first: str
    second: str
    alike: float
    stolen: tuple[Stolen, ...]
    words: tuple[tuple[str, ...], tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "alike": round(self.alike, 3),
            "stolen": [
                {
                    "field": line.field,
                    "text": line.text,
                    "by": line.by,
                    "confidence": round(line.confidence, 3),
                    "words": list(line.words),
                }
                for line in self.stolen
            ],
            "words": {self.first: list(self.words[0]), self.second: list(self.words[1])},
        }


@dataclass(frozen=True, slots=True)
class Map:
    """How a library's rules lie: the pairs that overlap, the worst first, and `winless` rules.

    Those win not one line of their own.
    """

    pairs: tuple[Pair, ...]
    winless: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"pairs": [pair.to_dict() for pair in self.pairs], "winless": list(self.winless)}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a rule's own, asked as a task."""

    field: str
    text: str
    winner: int
    scores: Scores
    confidence: float
    words: tuple[str, ...]


def overlaps(router: Router, *, alike: float = ALIKE) -> Map:
    """The map of a router's rules; pairs count as overlapping from `alike` on, or by a stolen line.

    Labelled tasks that the library has learned are no lines of a rule: they are recalled anyway.

    >>> overlaps(Router.load(".")).winless                              # doctest: +SKIP
    ()
    """
    routes = router.routes
    asked = [tuple(_asked(router, route)) for route in routes]
    stolen: dict[tuple[int, int], list[Stolen]] = {}
    for number, lines in enumerate(asked):
        for line in lines:
            if line.winner != number:
                pair = (min(number, line.winner), max(number, line.winner))
                theft = Stolen(
                    line.field, line.text, routes[line.winner].id, line.confidence, line.words
                )
                stolen.setdefault(pair, []).append(theft)
    shares = [_shares(router, number, lines) for number, lines in enumerate(asked)]
    near = {
        (min(one, two), max(one, two))
        for one, share in enumerate(shares)
        for two, value in share.items()
        if value >= alike
    }
    pairs = []
    for one, two in sorted(near | stolen.keys()):
        mean = (shares[one].get(two, 0.0) + shares[two].get(one, 0.0)) / 2
        if mean >= alike or (one, two) in stolen:
            words = (_apart(asked[one], one, two), _apart(asked[two], two, one))
            found = tuple(stolen.get((one, two), ()))
            pairs.append(Pair(routes[one].id, routes[two].id, mean, found, words))
    pairs.sort(key=lambda pair: (-len(pair.stolen), -pair.alike))
    winless = tuple(
        routes[number].id
        for number, lines in enumerate(asked)
        if lines and all(line.winner != number for line in lines)
    )
    return Map(tuple(pairs), winless)


def _asked(router: Router, route: Route) -> Iterator[_Line]:
    said = [("when", route.rule.when), *(("example", line) for line in route.rule.examples)]
    for field, line in said:
        text = line.encode()[:MAX_TASK_BYTES].decode(errors="ignore")
        if not text.strip():
            continue
        decision = router.route(text, top=1, recall=False)
        best = decision.candidates[0]
        taken = decision.matches and route.id not in {match.route for match in decision.matches}
        words = tuple(evidence.word for evidence in best.evidence) if taken else ()
        yield _Line(field, line, best.place, best.scores, best.confidence if taken else 0.0, words)


def _shares(router: Router, own: int, lines: Sequence[_Line]) -> dict[int, float]:
    """What other routes score on a route's When, as a share of what it scores itself."""
    scale = router.model.scale
    for line in lines:
        if line.field == "when" and (most := scale.of(line.scores.totals[own])) > 0.0:
            best = line.scores.best(range(len(router.routes)), NEIGHBOURS + 1)
            return {n: max(0.0, scale.of(line.scores.totals[n]) / most) for n in best if n != own}
    return {}


def _apart(lines: Sequence[_Line], own: int, other: int) -> tuple[str, ...]:
    """The words of a route's lines that say more for it than for the other."""
    leads: dict[str, float] = {}
    for line in lines:
        for word in line.scores.words:
            if word.text in STOP_WORDS or not word.known:
                continue
            lead = line.scores.contribution(word, own) - line.scores.contribution(word, other)
            leads[word.text] = max(lead, leads.get(word.text, 0.0))
    best = sorted((word for word in leads if leads[word] > 0.0), key=lambda word: -leads[word])
    return tuple(best[:SEPARATING])
