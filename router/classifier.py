"""Routes' texts to weights: the only use of scikit-learn.

Each route is a few fields of text. A field becomes a tf-idf vector of unit length; a route is the
weighted sum of its fields, again of unit length. So a field counts by its weight, not by how long
it is, and a route without some fields is not at a disadvantage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from router import text
from router.encoder import Encoder

# Chosen by `python bench/tune_fields.py` (its rows judge nothing), each drawn back half-way from
# its optimum towards equal weights: other libraries are not like the shipped one.
FIELD_WEIGHTS = {
    "title": 1.0,
    "when": 3.0,
    "examples": 1.0,
    "rationale": 0.5,
    "prompt_titles": 1.0,
    "prompt_bodies": 4.0,
    "agent": 0.5,
    "responsibilities": 1.0,
}
NOT_WHEN_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class RouteText:
    """What is known of one route, by field; a missing field is empty."""

    title: str
    when: str = ""
    examples: str = ""
    rationale: str = ""
    prompt_titles: str = ""
    prompt_bodies: str = ""
    agent: str = ""
    responsibilities: str = ""
    not_when: str = ""


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
    """A fitted classifier; `senses[r]` is route `r`'s unit vector in the encoder's space."""

    terms: Lexicon
    grams: Lexicon
    senses: NDArray[np.float32] | None


def fit(routes: Sequence[RouteText], encoder: Encoder | None) -> Weights:
    """Fit the classifier to `routes`; without an encoder it is lexical only."""
    return Weights(
        terms=_lexicon(routes, text.terms),
        grams=_lexicon(routes, text.text_grams),
        senses=None if encoder is None else _senses(routes, encoder),
    )


def _lexicon(routes: Sequence[RouteText], analyze: Callable[[str], list[str]]) -> Lexicon:
    vectorizer = TfidfVectorizer(analyzer=analyze, sublinear_tf=True, dtype=np.float32)
    try:
        vectorizer.fit(_document(route) for route in routes)
    except ValueError:
        # Not a single word in the whole library: "empty vocabulary".
        empty = np.zeros(0, dtype=np.float32)
        return Lexicon((), empty, 1.0, csr_matrix((0, len(routes)), dtype=np.float32))
    vectors = csr_matrix((len(routes), len(vectorizer.idf_)), dtype=np.float32)
    for field, weight in FIELD_WEIGHTS.items():
        vectors = vectors + weight * vectorizer.transform(getattr(r, field) for r in routes)
    vectors = normalize(vectors)
    against = vectorizer.transform(route.not_when for route in routes)
    vectors = normalize(vectors - NOT_WHEN_WEIGHT * _beyond(against, vectors))
    # A feature of a task weighs idf as well, so its say is idf × the route's weight.
    weights = vectors.multiply(vectorizer.idf_).T.tocsr().astype(np.float32)
    weights.sort_indices()
    return Lexicon(
        features=tuple(str(name) for name in vectorizer.get_feature_names_out()),
        idf=vectorizer.idf_.astype(np.float32),
        # scikit-learn's smooth idf for a document frequency of 0.
        unseen=float(np.log(1 + len(routes)) + 1),
        weights=weights,
    )


def _beyond(against: csr_matrix, vectors: csr_matrix) -> csr_matrix:
    """`against` without the features that the route also claims for itself."""
    return against - against.multiply(vectors > 0)


def _senses(routes: Sequence[RouteText], encoder: Encoder) -> NDArray[np.float32]:
    total = np.zeros(1, dtype=np.float32)
    for field, weight in FIELD_WEIGHTS.items():
        vectors = encoder.encode([getattr(route, field) for route in routes])
        total = total + np.float32(weight) * normalize(vectors)
    return np.asarray(normalize(total), dtype=np.float32)


def _document(route: RouteText) -> str:
    return "\n".join(getattr(route, field) for field in FIELD_WEIGHTS)
