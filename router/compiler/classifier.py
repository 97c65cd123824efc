"""Routes' texts to weights: the only use of scikit-learn.

Each route is a few fields of text. A field becomes a tf-idf vector of unit length; a route is the
weighted sum of its fields, again of unit length. So a field counts by its weight, not by how long
it is, and a route without some fields is not at a disadvantage.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from router.compiler.counting import Counts, count_words
from router.compiler.encoder import StaticEncoder
from router.model import text
from router.model.fields import RouteText
from router.model.pieces import split_word
from router.model.sentences import Encoder, unit

# Chosen by `python bench/tune_fields.py` (its rows judge nothing), each drawn back half-way from
# its optimum towards equal weights: other libraries are not like the shipped one.
FIELD_WEIGHTS = {
    "title": 1.0,
    "when": 3.6,
    "examples": 1.2,
    "rationale": 0.4,
    "prompt_titles": 1.0,
    "prompt_bodies": 4.5,
    "agent": 0.25,
    "responsibilities": 0.5,
}
NOT_WHEN_WEIGHT = 0.5

TERMS, GRAMS = 32.2, 174.6
"""Features that count in a route of `bench/described`, on average over its libraries, whose tasks
chose the channels' weights."""


# Chosen on the validation rows of clinc150 and banking77 with 10 examples (terms 1.4 to 2, senses
# 2 to 3.5, C 8 to 60), and of clinc150 with all (C 8 to 30): within a point of each other.
SENTENCE = 5.0
"""Chosen by `python bench/tune_learned.py DATA MODEL.onnx`, with all-MiniLM-L6-v2: 4 to 6 are
alike."""
LEARNED_WEIGHTS: tuple[tuple[float, ...], ...] = (
    (1.4, 0.0, 2.8, SENTENCE),
    (4.0, 0.0, 1.0, SENTENCE),
)
"""How long a task's terms, n-grams, senses and sentence are for the regression; cross-validation
picks. Where tasks are short, what a word means says most. In a ticket of many words meanings
average out, and the very words count: on the half `dev` of `tests/tasks.jsonl` 8 points more.
N-grams add nothing to either, and are most of the features."""
MIN_LINES = 2
"""In so many lines a feature has to occur to be learned from: a term of a single line teaches
nothing of other lines, and is four times more coefficients."""
INVERSE_REGULARISATION = 20.0
ITERATIONS = 100

SHARES = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""How much of the learned logits may be added to the zero-shot score; cross-validation picks."""

FOLDS = 3
MANY_EXAMPLES = 3_000
"""Of more, one fold is enough to validate on."""

LEARNING_EXAMPLES = 4.5
"""Examples a route, on average, from which there is something to learn and to validate on: five,
less the few that some routes lack."""

MAX_COEFFICIENTS = 12_000_000
"""Routes times features that are fitted at most: the solver keeps some 22 copies, 2 GB, and 150
routes with 15,000 examples take it a minute."""

MAX_WEIGHTS = 8_000_000
"""Of the terms, and again of the n-grams: 64 MB of a model file. 5,000 routes with bodies of 200
words have as many."""

BACKGROUND = Path(__file__).with_name("background.txt")
"""Tasks of all sorts, a line each: the first 60 of each set of `bench/described`. What a route
scores on them says nothing about a task, and is subtracted: else a route of common words is near
everything ("hubness", Radovanović et al., 2010). Worth 2 points there, a set never its own
background (`bench/tune_channels.py`)."""

NEGLIGIBLE = 0.002
"""Learned weights below this share of the largest are left out: 150 routes stay under 20 MB."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One kind of feature: `weights[f, r]` is what feature `f` in a task says for route `r`.

    `idf[f]` is the length that the feature has in a task, `unseen` that of an unknown one.
    """

    features: tuple[str, ...]
    idf: NDArray[np.float32]
    unseen: float
    weights: csr_matrix


@dataclass(frozen=True, slots=True)
class Weights:
    """A fitted classifier.

    `senses[r]` is route `r`'s vector in the encoder's space (None without an encoder), `bias[r]`
    what it scores before a word is read. `sentences[r]` is its vector in the space of an encoder
    of sentences (None without one). `held_out` is what examples scored that were left out of
    a fit (examples × routes) and their routes' numbers, where examples were learned from.
    """

    terms: Lexicon
    grams: Lexicon
    senses: NDArray[np.float32] | None
    bias: NDArray[np.float32]
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None
    sentences: NDArray[np.float32] | None = None


def fit(
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    background: Sequence[str] | None = None,
    sentences: Encoder | None = None,
) -> Weights:
    """Fit the classifier to `routes`; without an encoder it is lexical only.

    `channel_weights` are those of terms, grams, senses and, with an encoder of `sentences`, of
    whole sentences. `background` are tasks that the routes are no better for than others; the
    shipped ones if None.

    Where routes have examples, a multinomial logistic regression on the same features is added,
    by as much as cross-validation on the examples finds useful.
    """
    background = BACKGROUND.read_text("utf-8").splitlines() if background is None else background
    plain = _zero_shot(routes, encoder, channel_weights, background, sentences)
    examples = [line for route in routes for line in route.examples.split("\n") if line]
    if len(routes) < 2 or len(examples) < LEARNING_EXAMPLES * len(routes):
        return plain
    lessons = _lessons(plain, routes, encoder, sentences)
    small = [w for w in LEARNED_WEIGHTS if lessons.width(w) * len(routes) <= MAX_COEFFICIENTS]
    if not small:
        return plain
    folds = _folds(routes, encoder, channel_weights, background, sentences)
    found = _validated(
        islice(folds, 1 if len(examples) > MANY_EXAMPLES else FOLDS), channel_weights, small
    )
    learned = _learned(plain, lessons, channel_weights, found.weights, found.share)
    return replace(learned, held_out=found.held_out)


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from: lines by channel (lines × features) and their routes' numbers.

    `places[c]` are the features of a channel that are in enough lines. A channel that is not there
    has none.
    """

    channels: Sequence[csr_matrix]
    places: Sequence[NDArray[np.int64]]
    labels: Sequence[int]

    def width(self, weights: Sequence[float]) -> int:
        """How many features there are, with these weights of the channels."""
        return sum(len(found) for found, weight in zip(self.places, weights, strict=True) if weight)

    def thinned(self, most: int) -> Lessons:
        """Every other line, every third, … so that they are `most` at most."""
        step = -(-len(self.labels) // most)
        if step == 1:
            return self
        return Lessons([found[::step] for found in self.channels], self.places, self.labels[::step])


def _lessons(
    plain: Weights,
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    sentences: Encoder | None,
) -> Lessons:
    """The examples, and of each route title and When, so that one without examples is a class."""
    said = [
        (line, number)
        for number, route in enumerate(routes)
        for line in [route.title, route.when, *route.examples.split("\n")]
        if line.strip()
    ]
    nothing = csr_matrix((len(said), 0))
    channels = [
        nothing if found is None else csr_matrix(found)
        for found in _task_features(plain, [line for line, _ in said], encoder, sentences)
    ]
    places = [np.flatnonzero(channel.getnnz(axis=0) >= MIN_LINES) for channel in channels]
    return Lessons(channels, places, [number for _, number in said])


@dataclass(frozen=True, slots=True)
class Fold:
    """Examples that are held out, by features and routes' numbers, and what is known without them:
    the zero-shot weights and the lessons."""

    plain: Weights
    lessons: Lessons
    features: Sequence[Any]
    labels: NDArray[np.int64]

    def scores(
        self, lessons: Lessons, channel_weights: Sequence[float], weights: Sequence[float]
    ) -> dict[float, NDArray[np.float64]]:
        """What the examples score with each of `SHARES` of what these `weights` learn."""
        full = _learned(self.plain, lessons, channel_weights, weights, share=1.0)
        base = _weighed(self.plain, self.features, channel_weights)
        logits = _weighed(full, self.features, channel_weights) - base
        return {share: base + share * logits for share in SHARES}


def _folds(
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    background: Sequence[str],
    sentences: Encoder | None,
) -> Iterator[Fold]:
    """Each holds every `FOLDS`-th example of a route back; one without any is left out."""
    for fold in range(FOLDS):
        kept = []
        asked: list[tuple[str, int]] = []
        for number, route in enumerate(routes):
            lines = [line for line in route.examples.split("\n") if line]
            rest = [line for i, line in enumerate(lines) if i % FOLDS != fold]
            asked += [(line, number) for i, line in enumerate(lines) if i % FOLDS == fold]
            kept.append(replace(route, examples="\n".join(rest)))
        if not asked or not any(route.examples for route in kept):
            continue
        plain = _zero_shot(kept, encoder, channel_weights, background, sentences)
        features = _task_features(plain, [task for task, _ in asked], encoder, sentences)
        lessons = _lessons(plain, kept, encoder, sentences)
        yield Fold(plain, lessons, features, np.array([label for _, label in asked]))


@dataclass(frozen=True, slots=True)
class Validated:
    """Which of `LEARNED_WEIGHTS` and of `SHARES` rank held-out examples best, and their scores."""

    weights: Sequence[float]
    share: float
    held_out: tuple[NDArray[np.float64], NDArray[np.int64]]


def _validated(
    folds: Iterable[Fold],
    channel_weights: Sequence[float],
    candidates: Sequence[Sequence[float]],
) -> Validated:
    """How much is best learned from the examples.

    The first fold decides which of the `candidates` for `LEARNED_WEIGHTS` it is, by what each
    learns from `MANY_EXAMPLES` lines at most.
    """
    chosen: Sequence[float] = ()
    found: dict[float, list[NDArray[np.float64]]] = {share: [] for share in SHARES}
    ranks = dict.fromkeys(SHARES, 0.0)
    labels = []
    for fold in folds:
        if not chosen:
            few = fold.lessons.thinned(MANY_EXAMPLES)
            tried = [fold.scores(few, channel_weights, weights) for weights in candidates]
            best = [max(_rank(s, fold.labels) for s in scores.values()) for scores in tried]
            place = best.index(max(best))
            chosen = candidates[place]
            scores = tried[place]
            if few is not fold.lessons:
                scores = fold.scores(fold.lessons, channel_weights, chosen)
        else:
            scores = fold.scores(fold.lessons, channel_weights, chosen)
        for share in SHARES:
            ranks[share] += _rank(scores[share], fold.labels)
            found[share].append(scores[share])
        labels.append(fold.labels)
    # Of equals the largest share: a rule should win its own examples.
    share = max(SHARES, key=lambda share: (ranks[share], share))
    return Validated(chosen, share, (np.concatenate(found[share]), np.concatenate(labels)))


def _rank(scores: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """The sum of the tasks' reciprocal ranks (tasks × routes, and their routes' numbers)."""
    own = scores[np.arange(len(labels)), labels]
    return float((1.0 / (1 + (scores > own[:, None]).sum(axis=1))).sum())


def _zero_shot(
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    background: Sequence[str],
    sentences: Encoder | None = None,
) -> Weights:
    fields = [*FIELD_WEIGHTS, "not_when"]
    said, pairs = count_words(routes, fields)
    weights = Weights(
        terms=_lexicon(
            said.of_parts(lambda word: [text.stem(word)]).joined(pairs), text.term_weight, TERMS
        ),
        grams=_lexicon(said.only(pairs.fields).of_parts(text.grams), lambda gram: 1.0, GRAMS),
        senses=None if encoder is None else _senses(said, encoder),
        sentences=None if sentences is None else _sentences(routes, sentences),
        bias=np.zeros(len(routes), dtype=np.float32),
    )
    if not background:
        return weights
    # Linear in the features: the mean score is the score of the mean features.
    usual = _weighed(
        weights,
        [
            None if channel is None else np.asarray(channel.mean(axis=0)).reshape(1, -1)
            for channel in _task_features(weights, background, encoder, sentences)
        ],
        channel_weights,
    )
    # Rounded: the last digits of a sum of products differ between processors.
    return replace(weights, bias=-usual[0].round(4).astype(np.float32))


def _lexicon(counts: Counts, weigh: Callable[[str], float], reference: float) -> Lexicon:
    claimed = sum(counts.fields[field] for field in FIELD_WEIGHTS if field in counts.fields)
    routes = claimed.shape[0]
    # scikit-learn's smooth idf for a document frequency of 0.
    unseen = float(np.log(1 + routes) + 1)
    used = np.flatnonzero(claimed.getnnz(axis=0))
    order = used[np.argsort(np.array(counts.features, dtype=object)[used], kind="stable")]
    features = tuple(counts.features[number] for number in order)
    if not features:
        # Not a single word in the whole library.
        empty = np.zeros(0, dtype=np.float32)
        return Lexicon((), empty, unseen, csr_matrix((0, routes), dtype=np.float32))
    importance = np.array([weigh(feature) for feature in features], dtype=np.float32)
    tfidf = TfidfTransformer(sublinear_tf=True, norm=None).fit(claimed[:, order])

    def unit(field: str) -> csr_matrix:
        found = tfidf.transform(counts.fields[field][:, order])
        return normalize(found.multiply(importance).tocsr())

    vectors = csr_matrix((routes, len(features)), dtype=np.float32)
    for field, weight in FIELD_WEIGHTS.items():
        if field in counts.fields:
            vectors = vectors + weight * unit(field)
    vectors = normalize(vectors)
    richness = _richness(vectors, reference)
    if "not_when" in counts.fields:
        vectors = normalize(vectors - NOT_WHEN_WEIGHT * _beyond(unit("not_when"), vectors))
    # A feature of a task weighs idf as well, so its say is idf × the route's weight.
    idf = (tfidf.idf_ * importance).astype(np.float32)
    said = vectors.multiply(richness * idf).T.tocsr().astype(np.float32)
    weights = _pruned(said)
    weights.sort_indices()
    return Lexicon(features, idf, unseen, weights)


def _richness(vectors: csr_matrix, reference: float) -> float:
    """By how much longer texts than those that chose the channels' weights have to be lifted.

    The vector of a text of unit length has about `1 / sqrt(n)` for each of its n features, so that
    the cosine with a short task falls with the text's length, and that of the senses does not. n is
    the number of features that count, `1 / sum(v ** 4)` (Hill, "Diversity and evenness", 1973,
    of order 2), on average over the routes.
    """
    fourth = np.asarray(vectors.power(4).sum(axis=1)).ravel()
    counting = 1.0 / fourth[fourth > 0.0]
    # Rounded: the last digits of a sum differ between processors.
    return round(float(np.sqrt(counting.mean() / reference)), 4) if len(counting) else 1.0


def _pruned(weights: csr_matrix) -> csr_matrix:
    """At most `MAX_WEIGHTS` of them: the longest rows lose their smallest.

    What a feature of many routes says of one of them is little ("static index pruning", Carmel et
    al., 2001).
    """
    lengths = np.diff(weights.indptr)
    if lengths.sum() <= MAX_WEIGHTS:
        return weights
    some = range(1, int(lengths.max()) + 1)
    fitting = bisect_right(some, MAX_WEIGHTS, key=lambda most: np.minimum(lengths, most).sum())
    longest = max(1, fitting)
    for feature in np.flatnonzero(lengths > longest):
        row = weights.data[weights.indptr[feature] : weights.indptr[feature + 1]]
        row[np.argpartition(np.abs(row), len(row) - longest)[: len(row) - longest]] = 0.0
    weights.eliminate_zeros()
    return weights


def _beyond(against: csr_matrix, vectors: csr_matrix) -> csr_matrix:
    """`against` without the features that the route also claims for itself."""
    return against - against.multiply(vectors > 0)


def _senses(said: Counts, encoder: StaticEncoder) -> NDArray[np.float32]:
    # A text's vector is the sum of its words'.
    vectors = encoder.encode(said.features)
    total = np.zeros(1, dtype=np.float32)
    for field, weight in FIELD_WEIGHTS.items():
        total = total + np.float32(weight) * normalize(said.fields[field] @ vectors)
    return np.asarray(normalize(total), dtype=np.float32)


def _sentences(routes: Sequence[RouteText], encoder: Encoder) -> NDArray[np.float32]:
    total = np.zeros(1, dtype=np.float32)
    for field, weight in FIELD_WEIGHTS.items():
        said = [
            (number, part)
            for number, route in enumerate(routes)
            for part in _parts(route, field)
            if part.strip()
        ]
        if said:
            vectors = unit(encoder, [part for _, part in said])
            sums = np.zeros((len(routes), vectors.shape[1]), dtype=np.float32)
            np.add.at(sums, [number for number, _ in said], vectors)
            total = total + np.float32(weight) * normalize(sums)
    return np.asarray(normalize(total), dtype=np.float32)


def _parts(route: RouteText, field: str) -> list[str]:
    """What an encoder of sentences is given of a field; the field is the mean of it.

    Examples are a sentence each; of any other field it reads as much as it can. Clause by clause
    is better in `bench/described` and worse by as much for the example queries of metatool_small.
    """
    said: str = getattr(route, field)
    return said.split("\n") if field == "examples" else [said]


def _learned(
    plain: Weights,
    lessons: Lessons,
    channel_weights: Sequence[float],
    learned_weights: Sequence[float],
    share: float,
) -> Weights:
    """`plain` with `share` of a logistic regression's logits folded in."""
    if not share:
        return plain
    routes = len(plain.bias)
    places = [
        found if weight else found[:0]
        for found, weight in zip(lessons.places, learned_weights, strict=True)
    ]
    blocks = [
        channel.tocsc()[:, found] * weight
        for channel, found, weight in zip(lessons.channels, places, learned_weights, strict=True)
    ]
    with warnings.catch_warnings():
        # A fit that is stopped early is regularised a little more, no worse.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=ITERATIONS)
        # Single precision gives the same ranking a third sooner.
        model.fit(hstack(blocks).tocsr().astype(np.float32), lessons.labels)
    coefficients, intercept = _all_classes(model, routes)
    own = np.split(coefficients, np.cumsum([len(found) for found in places])[:-1], axis=1)

    def spread(number: int) -> NDArray[Any]:
        """A channel's coefficients, of all its features, as its weights in the score."""
        rows = np.zeros((routes, lessons.channels[number].shape[1]))
        rows[:, places[number]] = own[number]
        return rows * (share * learned_weights[number] / channel_weights[number])

    def moved(vectors: NDArray[np.float32] | None, number: int) -> Any:
        return None if vectors is None else (vectors + spread(number)).astype(np.float32)

    return replace(
        plain,
        terms=_added(plain.terms, spread(0)),
        grams=_added(plain.grams, spread(1)),
        senses=moved(plain.senses, 2),
        bias=(plain.bias + share * intercept).astype(np.float32),
        sentences=moved(plain.sentences, 3),
    )


def _all_classes(model: LogisticRegression, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Coefficients and intercepts by route number; two classes come as one from scikit-learn."""
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients = np.vstack([-coefficients, coefficients]) / 2
        intercept = np.array([-intercept[0], intercept[0]]) / 2
    rows = np.zeros((count, coefficients.shape[1]))
    biases = np.full(count, intercept.min())
    rows[model.classes_] = coefficients
    biases[model.classes_] = intercept
    # Rounded: the last digits of an iterative fit differ between processors.
    return rows.round(4), biases.round(4)


def _added(lexicon: Lexicon, coefficients: NDArray[Any]) -> Lexicon:
    """The lexicon with learned coefficients (routes × features) added to its weights."""
    learned = coefficients.T * lexicon.idf[:, None]
    learned[np.abs(learned) < NEGLIGIBLE * np.abs(learned).max(initial=0.0)] = 0.0
    weights = (lexicon.weights + csr_matrix(learned)).tocsr().astype(np.float32)
    weights.sort_indices()
    return replace(lexicon, weights=weights)


def _task_features(
    weights: Weights,
    tasks: Sequence[str],
    encoder: StaticEncoder | None,
    sentences: Encoder | None,
) -> list[Any]:
    """Tasks as the router sees them: per channel, distinct words over their joint length.

    A matrix for terms and for grams, an array for senses and for whole sentences; None without
    the encoder.
    """
    distinct = [list(dict.fromkeys(text.words(task))) for task in tasks]
    spoken = [
        [text.term(said) for said in found + list(dict.fromkeys(text.pairs(text.words(task))))]
        for found, task in zip(distinct, tasks, strict=True)
    ]
    written = [[gram for word in found for gram in text.grams(word)] for found in distinct]
    senses = None
    if encoder is not None:
        senses = np.zeros((len(tasks), encoder.vectors.shape[1]), dtype=np.float32)
        for row, found in zip(senses, distinct, strict=True):
            pieces = [piece for word in found for piece in split_word(word, encoder.pieces)]
            if pieces:
                vectors = encoder.vectors[pieces]
                row += vectors.sum(axis=0) / np.sqrt(np.square(vectors).sum())
    return [
        _bag(weights.terms, spoken, text.term_weight),
        _bag(weights.grams, written),
        senses,
        None if sentences is None else unit(sentences, tasks),
    ]


def _bag(
    lexicon: Lexicon, bags: list[list[str]], weigh: Callable[[str], float] = lambda gram: 1.0
) -> csr_matrix:
    index = {feature: number for number, feature in enumerate(lexicon.features)}
    starts, places, values = [0], [], []
    for bag in bags:
        known = [index[feature] for feature in bag if feature in index]
        # A pair that is new says nothing; a new word, that the library does not know it all.
        new = [feature for feature in bag if feature not in index and " " not in feature.strip()]
        square = float(np.square(lexicon.idf[known]).sum())
        square += sum((weigh(feature) * lexicon.unseen) ** 2 for feature in new)
        places += known
        values += (lexicon.idf[known] / np.sqrt(square or 1.0)).tolist()
        starts.append(len(places))
    return csr_matrix((values, places, starts), shape=(len(bags), len(index)))


def _scores(
    weights: Weights,
    tasks: Sequence[str],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    sentences: Encoder | None = None,
) -> NDArray[Any]:
    """The scores of `tasks` (rows) for each route, as `model.Scorer` gives them."""
    return _weighed(weights, _task_features(weights, tasks, encoder, sentences), channel_weights)


def _weighed(
    weights: Weights, features: Sequence[Any], channel_weights: Sequence[float]
) -> NDArray[Any]:
    terms, grams, *dense = features
    # The lexicons' weights hold idf on the task's side already.
    total = channel_weights[0] * _dense(terms @ _without_idf(weights.terms))
    total = total + channel_weights[1] * _dense(grams @ _without_idf(weights.grams))
    of_routes = (weights.senses, weights.sentences)
    for weight, said, vectors in zip(channel_weights[2:], dense, of_routes, strict=False):
        if said is not None and vectors is not None:
            total = total + weight * (said @ vectors.T)
    return np.asarray(total + weights.bias)


def _dense(matrix: csr_matrix | NDArray[Any]) -> NDArray[Any]:
    return matrix if isinstance(matrix, np.ndarray) else np.asarray(matrix.toarray())


def _without_idf(lexicon: Lexicon) -> csr_matrix:
    return lexicon.weights.multiply(1.0 / lexicon.idf[:, None]).tocsr()
