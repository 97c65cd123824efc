"""Why a decision came out as it did: what each word said for each candidate, and where it stands.

Derived from the scores and the compiled library when somebody asks; a plain route calls none of
it and does not import this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import fsum
from typing import Any

from router.decision.deciding import Candidate, Decision
from router.model.fields import RouteText, route_texts
from router.model.scores import Row, Scores, Word
from router.model.text import STOP_WORDS, grams, term, terms, words

CHANNELS = ("term", "spelling", "meaning")
SENTENCE = "sentence"
"""The channel that only the whole sentence has."""

NOT_WHEN = "not when"

FIELDS = {
    "title": "title",
    "when": "when",
    "examples": "examples",
    "rationale": "rationale",
    "prompt_titles": "prompt title",
    "prompt_bodies": "prompt body",
    "agent": "agent",
    "responsibilities": "responsibilities",
    "not_when": NOT_WHEN,
}
"""What people call the fields of a route's text, in the order in which they are listed."""

NEAR = 0.3
"""Share of common n-grams (Dice) from which a word of a route may be what a word is spelt like."""

Split = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """The word of a route that is spelt most like a word of the task, and its field."""

    word: str
    field: str


@dataclass(frozen=True, slots=True)
class Say:
    """What one word of the task, or pair of neighbours, said for one candidate.

    `channels` is what it added to the score as a term, by its spelling and by its meaning, and for
    the whole sentence a fourth number; `usual` what it added to a route's on average and `rival`
    what to the rival's. `fields` are those of the route's fields that have the word, by its stem;
    `near` is set where none has it and its spelling speaks.
    """

    word: str
    channels: Split
    usual: Split
    rival: Split
    fields: tuple[str, ...] = ()
    near: Near | None = None

    @property
    def contribution(self) -> float:
        """What it added to the candidate's score."""
        return sum(self.channels)

    @property
    def lift(self) -> float:
        """How much more that is than for a route on average."""
        return self.contribution - sum(self.usual)

    @property
    def lead(self) -> float:
        """How much more that is than for the rival."""
        return self.contribution - sum(self.rival)

    @property
    def loss(self) -> float:
        """By how much it holds the candidate back, below the average route or the rival; ≤ 0."""
        return min(self.lift, self.lead, 0.0)

    @property
    def channel(self) -> str:
        """The channel that lifted the candidate most."""
        lifts = [own - usual for own, usual in zip(self.channels, self.usual, strict=True)]
        return (*CHANNELS, SENTENCE)[lifts.index(max(lifts))]

    def to_dict(self) -> dict[str, Any]:
        return {
            "word": self.word,
            "contribution": round(self.contribution, 4),
            "lift": round(self.lift, 4),
            "lead": round(self.lead, 4),
            "channels": {
                name: round(value, 4)
                for name, value in zip((*CHANNELS, SENTENCE), self.channels, strict=False)
            },
            "fields": list(self.fields),
            "near": self.near and {"word": self.near.word, "field": self.near.field},
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the score of one candidate comes from.

    `rank` counts from 1. `rival` is the route that it has to beat: the best one, and for the best
    the runner-up; None where there is no other. `words` are all words and pairs of the task in its
    order, so that their contributions and `bias` add up to the score.
    """

    candidate: Candidate
    rank: int
    rival: str | None
    words: tuple[Say, ...]

    @property
    def bias(self) -> float:
        """What the route scores before a word is read."""
        return fsum([self.candidate.score, *(-said.contribution for said in self.words)])

    @property
    def speaks_for(self) -> tuple[Say, ...]:
        """The words that say more for this route than for the average one, strongest first."""
        return tuple(sorted((s for s in self._telling if s.lift > 0.0), key=lambda s: -s.lift))

    @property
    def speaks_against(self) -> tuple[Say, ...]:
        """The words that say less for it than for the average route or for its rival.

        Strongest first. A word may do both: speak for a route, and louder for its rival.
        """
        return tuple(sorted((s for s in self._telling if s.loss < 0.0), key=lambda s: s.loss))

    @property
    def _telling(self) -> Iterable[Say]:
        return (said for said in self.words if said.word not in STOP_WORDS)

    def to_dict(self) -> dict[str, Any]:
        return {
            "route": self.candidate.route,
            "rank": self.rank,
            "confidence": self.candidate.confidence,
            "score": round(self.candidate.score, 4),
            "bias": round(self.bias, 4),
            "rival": self.rival,
            "for": [said.word for said in self.speaks_for],
            "against": [said.word for said in self.speaks_against],
            "words": [said.to_dict() for said in self.words],
        }


def explain(decision: Decision) -> tuple[Explanation, ...]:
    """An explanation of each candidate of a decision, in their order.

    None of a decision that was made without a compiled library.
    """
    model = decision.model
    if model is None or not decision.candidates:
        return ()
    ranked = decision.candidates[0].scores.best(decision.eligible, len(decision.eligible))
    routes = model.routes
    named = {candidate.route for candidate in decision.candidates}
    tasks = [task for task in model.tasks if not named.isdisjoint(task.expect)]
    texts = route_texts((c.target for c in decision.candidates), model.prompts, tasks)
    found = []
    for candidate, text in zip(decision.candidates, texts, strict=True):
        rank = ranked.index(candidate.place) + 1
        rival = ranked[0] if rank > 1 else next(iter(ranked[1:]), None)
        said = _said(candidate, rival, _Page(text, bundled=bool(candidate.bundle)))
        name = None if rival is None else routes[rival].id
        found.append(Explanation(candidate, rank, name, tuple(said)))
    return tuple(found)


def _said(candidate: Candidate, rival: int | None, page: _Page) -> Iterator[Say]:
    scores = candidate.scores
    for word in scores.words:
        own = _split(scores, word, candidate.place)
        fields = page.fields(word.text)
        near = page.near(word.text) if own[1] > 0.0 and not fields else None
        beside = own if rival is None else _split(scores, word, rival)
        yield Say(word.text, own, _usual(scores, word), beside, fields, near)


def _split(scores: Scores, word: Word, place: int) -> Split:
    """The channels of `Scores.contribution`."""

    def part(scale: float, row: Row | None) -> float:
        return 0.0 if row is None else scale * row[place]

    return tuple(map(part, scores.scales, word.rows))


def _usual(scores: Scores, word: Word) -> Split:
    """The channels of `Scores.usual`."""
    return tuple(s * mean for s, mean in zip(scores.scales, word.means, strict=False))


class _Page:
    """A route's text, to look words up in."""

    def __init__(self, text: RouteText, *, bundled: bool) -> None:
        self._texts = {
            # A page without a bundle is its own body.
            name if bundled or field != "prompt_bodies" else "body": getattr(text, field)
            for field, name in FIELDS.items()
        }
        self._terms = {name: frozenset(terms(said)) for name, said in self._texts.items()}
        self._by_gram: dict[str, list[int]] = {}
        self._words: list[tuple[str, str]] = []

    def fields(self, said: str) -> tuple[str, ...]:
        """The fields that have a word or a pair, by its stem."""
        stem = term(said)
        return tuple(name for name, found in self._terms.items() if stem in found)

    def near(self, said: str) -> Near | None:
        """The word with the largest share of common n-grams; of equals the first."""
        if not self._words:
            self._index()
        own = _grams(said)
        shared = Counter(number for gram in own for number in self._by_gram.get(gram, ()))
        if not shared:
            return None

        def likeness(number: int) -> float:
            return 2 * shared[number] / (len(own) + len(_grams(self._words[number][0])))

        best = max(sorted(shared), key=likeness)
        return Near(*self._words[best]) if likeness(best) >= NEAR else None

    def _index(self) -> None:
        for name, said in self._texts.items():
            if name == NOT_WHEN:
                continue
            for word in dict.fromkeys(words(said)):
                for gram in _grams(word):
                    self._by_gram.setdefault(gram, []).append(len(self._words))
                self._words.append((word, name))


@lru_cache(maxsize=1 << 14)
def _grams(word: str) -> frozenset[str]:
    return frozenset(grams(word))
