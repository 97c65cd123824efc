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

A model that was compiled with an encoder of sentences has a fourth channel, which only the whole
task speaks through: the dot product of its vector with the route's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import sqrt
from operator import add, mul
from typing import TYPE_CHECKING, Any

from router.errors import Fault
from router.library.records import Agent, LabelledTask, Prompt, Route
from router.model.calibration import Calibration, Routing, Scale
from router.model.pages import Pages
from router.model.pieces import WORD_START, split_word
from router.model.text import STOP_WEIGHT, STOP_WORDS, grams, pairs, term, words

if TYPE_CHECKING:
    from router.model.sentences import Encoder, Sentences

CHANNEL_WEIGHTS = (1.5, 1.0, 2.5)
"""Terms, grams, senses: chosen by `python bench/tune_channels.py`, whose rows judge nothing."""

SENTENCE_WEIGHT = 3.5
"""The whole sentence's beside those: chosen by `python bench/tune_channels.py MODEL.onnx` with
all-MiniLM-L6-v2; from 3 to 4.2 nothing changes there."""

CACHED_VALUES = 2_000_000
"""Numbers kept for words seen before: 16 MB."""

MAX_WORDS = 10_000
"""Words kept, however few numbers each has."""

FEW = 64
"""With fewer routes, arrays are hardly faster than lists: not worth their import."""

MANY = 512
"""With more, a word's say for each route is not worked out: most words have none for most."""

Row = Any
"""A number per route: a list, an array of 64-bit floats, or what gives one when asked."""


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
    """Per word piece a row of `rows`, and its squared length.

    A row has the dot products with the routes' vectors; where there are `routes`, it is the
    piece's vector, and those are the routes' vectors, each a column.
    """

    index: Mapping[str, int]
    rows: Sequence[float]
    squares: Sequence[float]
    routes: Sequence[float] = ()

    @property
    def width(self) -> int:
        """The numbers in a row."""
        return len(self.rows) // max(1, len(self.squares))


@dataclass(frozen=True, slots=True)
class Taught:
    """Which routes the tasks have that the library has labels for, found by a task's words.

    `routes[starts[n]:starts[n + 1]]` are the numbers of those that task `n` of `names` has. It is
    used where it lies in the file: thousands of tasks cost nothing before one is asked for.
    """

    names: Mapping[str, int] = field(default_factory=dict)
    starts: Sequence[int] = (0,)
    routes: Sequence[int] = ()

    def get(self, said: Sequence[str]) -> Sequence[int] | None:
        """The routes' numbers, none where no rule fits; None for words that have no label.

        >>> Taught().get(["slow", "queries"]) is None
        True
        """
        number = self.names.get(" ".join(said))
        return (
            None if number is None else self.routes[self.starts[number] : self.starts[number + 1]]
        )


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that routing and assembling need.

    `made_from` is the digest of the library's files; `outside` the files read from unusual
    folders, with their SHA-256, None for a linked file that was missing. There is a `bias`, and a
    weight of each feature, per route, and one more for "none of them" where the library has tasks
    that no rule fits. `calibration` is the shipped one, or fitted to held-out examples; `routing`
    what the library says instead, None if nothing. `labelled` is JSON, see `tasks`; `pages` has
    what the agents' and prompts' texts are made of, and `taught` what those tasks are labelled.
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
    sentences: Sentences | None = None
    pages: Pages = field(default_factory=Pages, compare=False)
    taught: Taught = field(default_factory=Taught, compare=False)

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

    It is `known` when the library or the encoder knows it and it is no stop word. The whole
    sentence is listed as if it were one more word, the only one with a fourth channel.
    """

    text: str
    rows: tuple[Row | None, ...] = field(compare=False)
    squares: tuple[float, ...]
    known: bool

    @property
    def means(self) -> tuple[float, ...]:
        """What it says per channel for a route on average."""
        return tuple(map(_mean, self.rows))


@dataclass(frozen=True, slots=True)
class Scores:
    """A task's score for each route (and last for none, see `Model`), and the words behind it.

    There is a scale per channel, four where there is an encoder of sentences.
    """

    totals: Sequence[float] = field(hash=False)
    words: tuple[Word, ...]
    scales: tuple[float, ...]

    @property
    def known(self) -> bool:
        """Whether any word of the task is known at all."""
        return any(word.known for word in self.words)

    def best(self, eligible: Sequence[int], count: int) -> list[int]:
        """The numbers of the `count` best of the `eligible` routes, best first.

        Of equals those that come first.
        """
        totals = self.totals
        if isinstance(totals, memoryview) and len(eligible) > max(MANY, count):
            import numpy as np  # there already, see `_Arrays`

            found = np.asarray(totals)
            # An array of a range of 100,000 takes longer than all the rest.
            if isinstance(eligible, range):
                found = found[eligible.start : eligible.stop]
            else:
                found = found[np.asarray(eligible)]
            least = np.partition(found, len(found) - count)[len(found) - count]
            eligible = [eligible[place] for place in np.flatnonzero(found >= least).tolist()]
        return sorted(eligible, key=lambda number: -totals[number])[:count]

    def contribution(self, word: Word, route: int) -> float:
        """What `word` added to the score of route number `route`."""
        return sum(
            scale * float(row[route])
            for scale, row in zip(self.scales, word.rows, strict=False)
            if row is not None
        )

    def usual(self, word: Word) -> float:
        """What `word` added to the score of a route on average."""
        return sum(scale * mean for scale, mean in zip(self.scales, word.means, strict=False))


class Scorer:
    """Scores tasks against one model. Words seen before are kept; safe to use from many threads.

    With `arrays` rows are numpy's, which is faster the more routes there are and gives the same
    numbers to the last bit; but importing numpy costs as much as a thousand tasks without it. By
    default they are used where numpy is there anyway, or the library large.

    Raises `UsageError` where `encoder` is not the one that the model was compiled with.
    """

    def __init__(
        self, model: Model, *, arrays: bool | None = None, encoder: Encoder | None = None
    ) -> None:
        count = len(model.bias)
        if arrays is None:
            arrays = "numpy" in sys.modules or count > FEW
        self._model = model
        self._seen: dict[str, Word] = {}
        self._rows: _Lists
        if not arrays:
            self._rows = _Lists(model)
        elif count <= MANY:
            self._rows = _Arrays(model)
        else:
            self._rows = _Postings(model)
        self._room = min(MAX_WORDS, max(256, CACHED_VALUES // max(1, self._rows.width)))
        self._comparer = None
        if model.sentences or encoder:
            from router.model.sentences import Comparer  # late: numpy

            self._comparer = Comparer(model.sentences, encoder, count)

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
        if self._comparer:
            row = self._rows.kept(self._comparer.row(task))
            whole = _whole(row, said)
            scales.append(SENTENCE_WEIGHT)
            sums.append((SENTENCE_WEIGHT, [row]))
            found.append(whole)
        return Scores(self._rows.total(sums), tuple(found), tuple(scales))

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
            (term_square, part_square, sense_square),
            # Half of the n-grams: a typo of a known word, not a chance overlap of letters.
            known=text not in STOP_WORDS and (term_known > 0 or sense_known or part_known >= 0.5),
        )
        return self._keep(word)

    def _learn_pair(self, text: str) -> Word:
        row, square, known = self._lexical(self._model.terms, self._rows.terms, [term(text)])
        # A new pair of words is no news: its square does not count.
        squares = (square if known else 0.0, 0.0, 0.0)
        return self._keep(Word(text, (row, None, None), squares, known=False))

    def _keep(self, word: Word) -> Word:
        if len(self._seen) >= self._room:
            self._seen.clear()
        self._seen[word.text] = word
        return word

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


def _whole(row: Row, said: Sequence[str]) -> Word:
    """What the whole sentence says, as a word. It is evidence where any word of it could be."""
    from router.model.sentences import WHOLE

    known = any(word not in STOP_WORDS for word in said)
    return Word(WHOLE, (None, None, None, row), (0.0, 0.0, 0.0, 1.0), known)


_Sparse = tuple[Any, Any, Any]
"""A lexicon's weights: starts, routes, values."""


class _Lists:
    """Rows as lists of numbers: nothing to import."""

    def __init__(self, model: Model) -> None:
        self._count = len(model.bias)
        self._bias: Row = model.bias
        self._senses = model.senses
        self._width = model.senses.width if model.senses else 0
        self.width = 3 * self._count
        """Numbers kept for a word."""
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
        assert self._senses
        width = self._width
        row: Row = [0.0] * width
        for piece in pieces:
            row = list(map(add, row, self._senses.rows[piece * width : (piece + 1) * width]))
        if not self._senses.routes:
            return row
        columns = self._senses.routes
        return [sum(map(mul, row, columns[route :: self._count])) for route in range(self._count)]

    def kept(self, row: Any) -> Row:
        """An array as a row."""
        found: Row = row.tolist()
        return found

    def total(self, sums: list[tuple[float, list[Row]]]) -> Sequence[float]:
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
        self._np = np
        self._bias = np.asarray(self._bias, dtype=np.float64)
        senses = model.senses or Senses({}, (), ())
        self._vectors = np.asarray(senses.rows).reshape(-1, max(1, self._width))
        self._columns = np.asarray(senses.routes).reshape(-1, max(1, self._count))
        self.terms = tuple(map(np.asarray, self.terms))  # type: ignore[assignment]
        self.grams = tuple(map(np.asarray, self.grams))  # type: ignore[assignment]

    def added(self, weights: _Sparse, features: list[int]) -> Row:
        starts, routes, values = weights
        spans = [slice(starts[feature], starts[feature + 1]) for feature in features]
        return self._gathered(routes, values, spans)

    def _gathered(self, routes: Any, values: Any, spans: list[slice]) -> Row:
        """The sum of sparse rows: stretches of a lexicon's routes and weights."""
        concatenate = self._np.concatenate
        routes = concatenate([routes[span] for span in spans])
        return self._np.bincount(routes, concatenate([values[span] for span in spans]), self._count)

    def senses(self, pieces: list[int]) -> Row:
        row = reduce(add, (self._vectors[piece] for piece in pieces), self._np.zeros(self._width))
        if self._columns.size:
            return self._projected(row)
        return row

    def kept(self, row: Any) -> Row:
        return row

    def total(self, sums: list[tuple[float, list[Row]]]) -> Sequence[float]:
        totals = self._bias
        for scale, rows in sums:
            totals = totals + scale * reduce(add, rows)
        return memoryview(totals)

    def _projected(self, vector: Row) -> Row:
        """What a vector says for each route."""
        return self._np.einsum("d,dr->r", vector, self._columns)


class _Postings(_Arrays):
    """Only the routes that a feature speaks for are touched; a task's vector is one product.

    Sums are made in another order than above: equal to some six digits.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.width = self._width  # those of its vector
        # The sum over no routes at all is 0.
        self._mean_column = self._columns.sum(axis=1) / self._count

    def added(self, weights: _Sparse, features: list[int]) -> Row:
        starts, routes, values = weights
        spans = [slice(starts[feature], starts[feature + 1]) for feature in features]
        return _Spans(routes, values, spans, self._count)

    def _projected(self, vector: Row) -> Row:
        return _Vector(vector.astype(self._np.float32), self._columns, self._mean_column)

    def total(self, sums: list[tuple[float, list[Row]]]) -> Sequence[float]:
        totals = self._bias
        for scale, rows in sums:
            totals = totals + scale * self._sum(rows)
        return memoryview(totals)

    def _sum(self, rows: list[Row]) -> Row:
        np = self._np
        if isinstance(rows[0], _Vector):
            vector = reduce(add, (row.vector for row in rows))
            # No BLAS, whose sums differ with its threads.
            return np.einsum("d,dr->r", vector, self._columns)
        if not isinstance(rows[0], _Spans):
            return reduce(add, rows)
        spans = [span for row in rows for span in row.spans]
        return self._gathered(rows[0].routes, rows[0].values, spans)


def _mean(row: Row | None) -> float:
    if row is None:
        return 0.0
    if isinstance(row, _Spans | _Vector):
        return row.mean
    listed: list[float] = row if isinstance(row, list) else row.tolist()
    return sum(listed) / len(listed)


@dataclass(frozen=True, slots=True)
class _Spans:
    """What some features say, where it lies: stretches of a lexicon's routes and weights."""

    routes: Any
    values: Any
    spans: list[slice]
    count: int

    @property
    def mean(self) -> float:
        return sum(float(self.values[span].sum()) for span in self.spans) / self.count

    def __getitem__(self, route: int) -> float:
        said = 0.0
        for span in self.spans:
            routes = self.routes[span]
            place = int(routes.searchsorted(route))
            if place < len(routes) and routes[place] == route:
                said += float(self.values[span][place])
        return said


@dataclass(frozen=True, slots=True)
class _Vector:
    """A word's vector, beside those of the routes."""

    vector: Any
    columns: Any
    mean_column: Any

    @property
    def mean(self) -> float:
        return float(self.vector @ self.mean_column)

    def __getitem__(self, route: int) -> float:
        return float(self.vector @ self.columns[:, route])
