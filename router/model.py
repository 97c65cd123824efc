"""A compiled library, and the one definition of a route's score.

A task is a bag of distinct words and pairs of neighbours. Each speaks for each route through three
channels:

* terms: the weight of its stem, or pair of stems, for the route,
* grams: the weights of a word's character n-grams,
* senses: the dot product of the static vectors of a word's pieces with the route's vector.

A channel's score is the sum over the words, divided by the length of the task's own vector in that
channel (words and pieces count as orthogonal), which makes it a cosine. The score is the weighted
sum of the channels, and a bias per route. Everything is linear in the words, so a route costs a
few row additions, and what each word contributed is known for free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from operator import add

from router.calibration import Scale
from router.errors import Fault
from router.pieces import WORD_START, split_word
from router.records import Agent, LabelledTask, Prompt, Route
from router.text import STOP_WEIGHT, STOP_WORDS, grams, pairs, term, words

CHANNEL_WEIGHTS = (1.5, 1.0, 1.0)
"""Terms, grams, senses: chosen by `python bench/tune_fields.py`, whose rows judge nothing."""

CACHED_VALUES = 2_000_000
"""Numbers kept for words seen before; 16 MB for 50 routes or 5,000."""

Row = Sequence[float]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Features of one kind and their weights for routes, as compressed sparse rows."""

    index: dict[str, int]
    starts: Sequence[int]
    routes: Sequence[int]
    weights: Sequence[float]
    idf: Sequence[float]
    unseen: float


@dataclass(frozen=True, slots=True)
class Senses:
    """Per word piece its dot products with the routes' vectors (one row), its squared length."""

    index: dict[str, int]
    rows: Sequence[float]
    squares: Sequence[float]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that routing and assembling need.

    `made_from` is the digest of the library's files; `outside` the files read from unusual
    folders, with their SHA-256, None for a linked file that was missing. `labelled` is JSON, see
    `tasks`.
    """

    made_from: str
    project: str
    encoder: str | None
    agents: tuple[Agent, ...]
    prompts: tuple[Prompt, ...]
    warnings: tuple[Fault, ...]
    outside: tuple[tuple[str, str | None], ...]
    scale: Scale
    terms: Lexicon
    grams: Lexicon
    senses: Senses | None
    bias: Sequence[float]
    labelled: bytes | memoryview = b"[]"

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(Route(agent, rule) for agent in self.agents for rule in agent.rules)

    @property
    def tasks(self) -> tuple[LabelledTask, ...]:
        """The library's labelled tasks, parsed here and not before: routing needs none of them."""
        import json

        rows = json.loads(bytes(self.labelled))
        return tuple(LabelledTask(task, tuple(to), path, line) for task, to, path, line in rows)


@dataclass(frozen=True, slots=True)
class Word:
    """A word's or pair's say per channel: a number per route (None: nothing), and its square.

    It is `known` when the library or the encoder knows it and it is no stop word.
    """

    text: str
    rows: tuple[Row | None, Row | None, Row | None]
    means: tuple[float, float, float]
    squares: tuple[float, float, float]
    known: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """A task's score for each route, and the words it came from."""

    totals: tuple[float, ...]
    words: tuple[Word, ...]
    scales: tuple[float, float, float]

    @property
    def known(self) -> bool:
        """Whether any word of the task is known at all."""
        return any(word.known for word in self.words)

    def contribution(self, word: Word, route: int) -> float:
        """What `word` added to the score of route number `route`."""
        return sum(
            scale * row[route]
            for scale, row in zip(self.scales, word.rows, strict=True)
            if row is not None
        )

    def usual(self, word: Word) -> float:
        """What `word` added to the score of a route on average."""
        return sum(scale * mean for scale, mean in zip(self.scales, word.means, strict=True))


class Scorer:
    """Scores tasks against one model. Words seen before are kept; safe to use from many threads."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._count = len(model.routes)
        self._seen: dict[str, Word] = {}
        self._room = max(256, CACHED_VALUES // (3 * max(1, self._count)))

    def score(self, task: str) -> Scores:
        """The score of each route of the model for `task`."""
        seen = self._seen
        said = words(task)
        found = [seen.get(word) or self._learn(word) for word in dict.fromkeys(said)]
        found += [seen.get(pair) or self._learn_pair(pair) for pair in dict.fromkeys(pairs(said))]
        totals: Sequence[float] = self._model.bias
        scales = []
        for channel, weight in enumerate(CHANNEL_WEIGHTS):
            square = sum([word.squares[channel] for word in found])
            scale = weight / sqrt(square) if square > 0.0 else 0.0
            scales.append(scale)
            rows = [row for word in found if (row := word.rows[channel]) is not None]
            if not rows or not scale:
                continue
            sums: Sequence[float] = rows[0]
            for row in rows[1:]:
                sums = list(map(add, sums, row))
            scaled = [scale * value for value in sums]
            totals = list(map(add, totals, scaled))
        return Scores(
            tuple(totals),
            tuple(found),
            (scales[0], scales[1], scales[2]),
        )

    def _learn(self, text: str) -> Word:
        terms, term_square, term_known = self._lexical(
            self._model.terms, [term(text)], STOP_WEIGHT if text in STOP_WORDS else 1.0
        )
        parts, part_square, part_known = self._lexical(self._model.grams, grams(text))
        senses, sense_square, sense_known = self._sense(text)
        word = Word(
            text,
            (terms, parts, senses),
            (self._mean(terms), self._mean(parts), self._mean(senses)),
            (term_square, part_square, sense_square),
            # Half of the n-grams: a typo of a known word, not a chance overlap of letters.
            known=text not in STOP_WORDS and (term_known > 0 or sense_known or part_known >= 0.5),
        )
        return self._keep(word)

    def _learn_pair(self, text: str) -> Word:
        row, square, known = self._lexical(self._model.terms, [term(text)])
        # A new pair of words is no news: its square does not count.
        squares = (square if known else 0.0, 0.0, 0.0)
        return self._keep(
            Word(text, (row, None, None), (self._mean(row), 0.0, 0.0), squares, known=False)
        )

    def _keep(self, word: Word) -> Word:
        if len(self._seen) >= self._room:
            self._seen.clear()
        self._seen[word.text] = word
        return word

    def _mean(self, row: Row | None) -> float:
        return sum(row) / self._count if row else 0.0

    def _lexical(
        self, lexicon: Lexicon, features: list[str], importance: float = 1.0
    ) -> tuple[Row | None, float, float]:
        """The features' summed weights per route, their squared length, the share known.

        `importance` is what an unknown feature counts; a known one's is in its weights.
        """
        row = [0.0] * self._count
        square, known = 0.0, 0
        for feature in features:
            number = lexicon.index.get(feature)
            if number is None:
                square += (importance * lexicon.unseen) ** 2
                continue
            known += 1
            square += lexicon.idf[number] ** 2
            for place in range(lexicon.starts[number], lexicon.starts[number + 1]):
                row[lexicon.routes[place]] += lexicon.weights[place]
        return (row if known else None), square, known / max(1, len(features))

    def _sense(self, word: str) -> tuple[Row | None, float, bool]:
        senses = self._model.senses
        if senses is None:
            return None, 0.0, False
        pieces = split_word(word, senses.index)
        if not pieces:
            return None, 0.0, False
        row: Row = [0.0] * self._count
        for piece in pieces:
            start = piece * self._count
            row = list(map(add, row, senses.rows[start : start + self._count]))
        square = sum(senses.squares[piece] for piece in pieces)
        return row, square, len(pieces) == 1 and WORD_START + word in senses.index
