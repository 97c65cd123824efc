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

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import sqrt
from operator import add
from typing import Any

from router.errors import Fault
from router.library.records import Agent, LabelledTask, Prompt, Route
from router.model.calibration import Calibration, Routing, Scale
from router.model.pages import Pages
from router.model.pieces import WORD_START, split_word
from router.model.text import STOP_WEIGHT, STOP_WORDS, grams, pairs, term, words

CHANNEL_WEIGHTS = (1.5, 1.0, 2.5)
"""Terms, grams, senses: chosen by `python bench/tune_channels.py`, whose rows judge nothing."""

CACHED_VALUES = 2_000_000
"""Numbers kept for words seen before; 16 MB for 50 routes or 5,000."""

LARGE = 64
"""With fewer routes, arrays are hardly faster than lists: not worth their import."""

Row = Any
"""A number per route: a list, or an array of 64-bit floats."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Features of one kind and their weights for routes, as compressed sparse rows."""

    index: Mapping[str, int]
    starts: Sequence[int]
    routes: Sequence[int]
    weights: Sequence[float]
    idf: Sequence[float]
    unseen: float


@dataclass(frozen=True, slots=True)
class Senses:
    """Per word piece its dot products with the routes' vectors (one row), its squared length."""

    index: Mapping[str, int]
    rows: Sequence[float]
    squares: Sequence[float]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that routing and assembling need.

    `made_from` is the digest of the library's files; `outside` the files read from unusual
    folders, with their SHA-256, None for a linked file that was missing. There is a `bias`, and a
    weight of each feature, per route, and one more for "none of them" where the library has tasks
    that no rule fits. `calibration` is the shipped one, or fitted to held-out examples; `routing`
    what the library says instead, None if nothing. `labelled` is JSON, see `tasks`; `pages` has
    what the agents' and prompts' texts are made of.
    """

    made_from: str
    project: str
    encoder: str | None
    agents: tuple[Agent, ...]
    prompts: tuple[Prompt, ...]
    warnings: tuple[Fault, ...]
    outside: tuple[tuple[str, str | None], ...]
    scale: Scale
    calibration: Calibration
    routing: Routing | None
    terms: Lexicon
    grams: Lexicon
    senses: Senses | None
    bias: Sequence[float]
    labelled: bytes | memoryview = b"[]"
    pages: Pages = field(default_factory=Pages, compare=False)

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
    rows: tuple[Row | None, Row | None, Row | None] = field(compare=False)
    means: tuple[float, float, float]
    squares: tuple[float, float, float]
    known: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """A task's score for each route (and last for none, see `Model`), and the words behind it."""

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
            scale * float(row[route])
            for scale, row in zip(self.scales, word.rows, strict=True)
            if row is not None
        )

    def usual(self, word: Word) -> float:
        """What `word` added to the score of a route on average."""
        return sum(scale * mean for scale, mean in zip(self.scales, word.means, strict=True))


class Scorer:
    """Scores tasks against one model. Words seen before are kept; safe to use from many threads.

    With `arrays` rows are numpy's, which is faster the more routes there are and gives the same
    numbers to the last bit; but importing numpy costs as much as a thousand tasks without it. By
    default they are used where numpy is there anyway, or the library large.
    """

    def __init__(self, model: Model, *, arrays: bool | None = None) -> None:
        if arrays is None:
            arrays = "numpy" in sys.modules or len(model.bias) > LARGE
        self._model = model
        self._count = len(model.bias)
        self._seen: dict[str, Word] = {}
        self._room = max(256, CACHED_VALUES // (3 * max(1, self._count)))
        self._rows: _Lists = _Arrays(model) if arrays else _Lists(model)

    def score(self, task: str) -> Scores:
        """The score of each route of the model for `task`."""
        seen = self._seen
        said = words(task)
        found = [seen.get(word) or self._learn(word) for word in dict.fromkeys(said)]
        found += [seen.get(pair) or self._learn_pair(pair) for pair in dict.fromkeys(pairs(said))]
        scales = []
        sums = []
        for channel, weight in enumerate(CHANNEL_WEIGHTS):
            square = sum([word.squares[channel] for word in found])
            scale = weight / sqrt(square) if square > 0.0 else 0.0
            scales.append(scale)
            rows = [row for word in found if (row := word.rows[channel]) is not None]
            if rows and scale:
                sums.append((scale, rows))
        return Scores(self._rows.total(sums), tuple(found), (scales[0], scales[1], scales[2]))

    def _learn(self, text: str) -> Word:
        terms, term_square, term_known = self._lexical(
            self._model.terms,
            self._rows.terms,
            [term(text)],
            STOP_WEIGHT if text in STOP_WORDS else 1.0,
        )
        parts, part_square, part_known = self._lexical(
            self._model.grams, self._rows.grams, grams(text)
        )
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
        row, square, known = self._lexical(self._model.terms, self._rows.terms, [term(text)])
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
        mean: float = 0.0 if row is None else sum(row) / self._count
        return mean

    def _lexical(
        self, lexicon: Lexicon, weights: _Sparse, features: list[str], importance: float = 1.0
    ) -> tuple[Row | None, float, float]:
        """The features' summed weights per route, their squared length, the share known.

        `importance` is what an unknown feature counts; a known one's is in its weights.
        """
        known = [n for feature in features if (n := lexicon.index.get(feature)) is not None]
        square = sum([lexicon.idf[number] ** 2 for number in known])
        square += (len(features) - len(known)) * (importance * lexicon.unseen) ** 2
        row = self._rows.added(weights, known) if known else None
        return row, square, len(known) / max(1, len(features))

    def _sense(self, word: str) -> tuple[Row | None, float, bool]:
        senses = self._model.senses
        if senses is None:
            return None, 0.0, False
        pieces = split_word(word, senses.index)
        if not pieces:
            return None, 0.0, False
        square = sum(senses.squares[piece] for piece in pieces)
        whole = len(pieces) == 1 and WORD_START + word in senses.index
        return self._rows.senses(pieces), square, whole


_Sparse = tuple[Any, Any, Any]
"""A lexicon's weights: starts, routes, values."""


class _Lists:
    """Rows as lists of numbers: nothing to import."""

    def __init__(self, model: Model) -> None:
        self._count = len(model.bias)
        self._bias: Row = model.bias
        self._sense_rows: Any = model.senses.rows if model.senses else ()
        self.terms: _Sparse = (model.terms.starts, model.terms.routes, model.terms.weights)
        self.grams: _Sparse = (model.grams.starts, model.grams.routes, model.grams.weights)

    def added(self, weights: _Sparse, features: list[int]) -> Row:
        """The sum of the features' sparse rows."""
        starts, routes, values = weights
        row = [0.0] * self._count
        for feature in features:
            for place in range(starts[feature], starts[feature + 1]):
                row[routes[place]] += values[place]
        return row

    def senses(self, pieces: list[int]) -> Row:
        """The sum of the pieces' rows."""
        row: Row = [0.0] * self._count
        for piece in pieces:
            start = piece * self._count
            row = list(map(add, row, self._sense_rows[start : start + self._count]))
        return row

    def total(self, sums: list[tuple[float, list[Row]]]) -> tuple[float, ...]:
        """The bias and each scale times the sum of its rows."""
        totals = self._bias
        for scale, rows in sums:
            row = reduce(lambda one, other: list(map(add, one, other)), rows)
            totals = list(map(add, totals, [scale * value for value in row]))
        return tuple(totals)


class _Arrays(_Lists):
    """The same additions in the same order, on arrays."""

    def __init__(self, model: Model) -> None:
        import numpy as np  # late: a process that routes one task is faster without

        super().__init__(model)
        self._zeros = np.zeros(self._count)
        self._bias = np.asarray(self._bias, dtype=np.float64)
        self._sense_rows = np.asarray(self._sense_rows).reshape(-1, max(1, self._count))
        self.terms = tuple(map(np.asarray, self.terms))  # type: ignore[assignment]
        self.grams = tuple(map(np.asarray, self.grams))  # type: ignore[assignment]

    def added(self, weights: _Sparse, features: list[int]) -> Row:
        starts, routes, values = weights
        row = self._zeros.copy()
        for feature in features:
            span = slice(starts[feature], starts[feature + 1])
            # A feature has a route once, so that no addition is lost.
            row[routes[span]] += values[span]
        return row

    def senses(self, pieces: list[int]) -> Row:
        return reduce(add, (self._sense_rows[piece] for piece in pieces), self._zeros)

    def total(self, sums: list[tuple[float, list[Row]]]) -> tuple[float, ...]:
        totals = self._bias
        for scale, rows in sums:
            totals = totals + scale * reduce(add, rows)
        return tuple(totals.tolist())
