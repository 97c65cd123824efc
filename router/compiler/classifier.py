"""Routes' texts to weights: the only use of scikit-learn.

Each route is a few fields of text. A field becomes a tf-idf vector of unit length; a route is the
weighted sum of its fields, again of unit length. So a field counts by its weight, not by how long
it is, and a route without some fields is not at a disadvantage.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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


# Chosen on the validation rows of clinc150 and banking77 with 10 examples (terms 1 to 1.4, senses
# 2 to 3.5, C 8 to 60), and of clinc150 with all (C 8 to 30): within a point of each other. Grams
# add nothing to what is learned.
LEARNED_WEIGHTS = (1.4, 2.8, 5.0)
"""How long a task's terms, senses and sentence are for the regression. The last was chosen by
`python bench/tune_learned.py DATA MODEL.onnx`, with all-MiniLM-L6-v2: 4 to 6 are alike."""
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
    examples = [(line, n) for n, r in enumerate(routes) for line in r.examples.split("\n") if line]
    dense = [vectors for vectors in (plain.senses, plain.sentences) if vectors is not None]
    width = len(plain.terms.features) + sum(vectors.shape[1] for vectors in dense)
    too_few = len(routes) < 2 or len(examples) < LEARNING_EXAMPLES * len(routes)
    if too_few or len(routes) * width > MAX_COEFFICIENTS:
        return plain
    folds = 1 if len(examples) > MANY_EXAMPLES else FOLDS
    share, held_out = _share(routes, encoder, channel_weights, background, sentences, folds)
    learned = _learned(plain, routes, encoder, channel_weights, share, sentences)
    return replace(learned, held_out=held_out)


def _share(
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    background: Sequence[str],
    sentences: Encoder | None,
    folds: int,
) -> tuple[float, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """The share of the learned logits that ranks held-out examples best, and their scores.

    Examples are held out in `FOLDS` folds, of which the first `folds` are looked at.
    """
    found: list[list[NDArray[Any]]] = [[] for _ in SHARES]
    numbers: list[NDArray[np.int64]] = []
    reciprocal = np.zeros(len(SHARES))
    for fold in range(folds):
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
        tasks, labels = [task for task, _ in asked], np.array([label for _, label in asked])
        base = _scores(plain, tasks, encoder, channel_weights, sentences)
        full = _learned(plain, kept, encoder, channel_weights, 1.0, sentences)
        logits = _scores(full, tasks, encoder, channel_weights, sentences) - base
        for place, share in enumerate(SHARES):
            scores = base + share * logits
            own = scores[np.arange(len(labels)), labels]
            reciprocal[place] += (1.0 / (1 + (scores > own[:, None]).sum(axis=1))).sum()
            found[place].append(scores)
        numbers.append(labels)
    # Of equals the largest: a rule should win its own examples.
    place = max(range(len(SHARES)), key=lambda number: (reciprocal[number], number))
    return SHARES[place], (np.concatenate(found[place]), np.concatenate(numbers))


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
    routes: Sequence[RouteText],
    encoder: StaticEncoder | None,
    channel_weights: Sequence[float],
    share: float,
    sentences: Encoder | None,
) -> Weights:
    """`plain` with `share` of a logistic regression's logits folded in.

    A route's title and When are samples of it as well, so that a route without examples is one
    of the classes.
    """
    if not share:
        return plain
    said = [
        (line, number)
        for number, route in enumerate(routes)
        for line in [route.title, route.when, *route.examples.split("\n")]
        if line.strip()
    ]
    lines = [line for line, _ in said]
    found, _, *dense = _task_features(plain, lines, encoder, sentences)
    terms = csr_matrix(found)
    # A term of a single line teaches nothing of other lines: four times fewer coefficients.
    shared = np.flatnonzero(np.asarray((terms > 0).sum(axis=0)).ravel() > 1)
    channels = (terms.tocsc()[:, shared], *dense)
    blocks = [
        csr_matrix(channel) * weight
        for channel, weight in zip(channels, LEARNED_WEIGHTS, strict=True)
        if channel is not None
    ]
    labels = [number for _, number in said]
    with warnings.catch_warnings():
        # A fit that is stopped early is regularised a little more, no worse.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=ITERATIONS)
        # Single precision gives the same ranking a third sooner.
        model.fit(hstack(blocks).tocsr().astype(np.float32), labels)
    coefficients, intercept = _all_classes(model, len(routes))
    ends = np.cumsum([len(shared), *(0 if d is None else d.shape[1] for d in dense)])
    of_shared, of_senses, of_sentences = np.split(coefficients, ends[:-1], axis=1)
    of_terms = np.zeros((len(routes), terms.shape[1]))
    of_terms[:, shared] = of_shared
    factor = share * LEARNED_WEIGHTS[0] / channel_weights[0]

    def moved(vectors: NDArray[np.float32] | None, own: NDArray[Any], channel: int) -> Any:
        if vectors is None:
            return None
        factor = share * LEARNED_WEIGHTS[channel - 1] / channel_weights[channel]
        return (vectors + factor * own).astype(np.float32)

    return replace(
        plain,
        terms=_added(plain.terms, factor * of_terms),
        senses=moved(plain.senses, of_senses, 2),
        bias=(plain.bias + share * intercept).astype(np.float32),
        sentences=moved(plain.sentences, of_sentences, 3),
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
