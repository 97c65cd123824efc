"""Routes' texts to counts: how often each word, pair of words and n-gram occurs in which field.

A text is taken apart once. Everything that a word brings with it, its stem, its n-grams and its
vector, is a row of a matrix that the words' counts are multiplied by: so 20 million words of a
large library cost as many look-ups as there are different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from router.model import text
from router.model.fields import RouteText

MAX_PAIRED_WORDS = 4_000_000
"""In one field of all routes: as many as the bodies of 20,000 routes have. Their pairs and n-grams
would take gigabytes, and say little that the words do not."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Features of one kind, and per field how often each (columns) occurs in each route (rows)."""

    features: tuple[str, ...]
    fields: Mapping[str, csr_matrix]

    def of_parts(self, parts: Callable[[str], Iterable[str]]) -> Counts:
        """The counts of the `parts` of each feature, such as the n-grams of words."""
        numbers: dict[str, int] = {}
        found = [
            [numbers.setdefault(part, len(numbers)) for part in parts(feature)]
            for feature in self.features
        ]
        starts = np.cumsum([0, *map(len, found)])
        places = np.fromiter((place for row in found for place in row), np.int64, starts[-1])
        ones = np.ones(len(places), dtype=np.float32)
        shape = (len(self.features), len(numbers))
        each = csr_matrix((ones, places, starts), shape=shape)
        order = np.array(sorted(range(len(numbers)), key=list(numbers).__getitem__), dtype=np.int64)
        each = each[:, order]
        return Counts(
            tuple(sorted(numbers)), {name: counts @ each for name, counts in self.fields.items()}
        )

    def only(self, fields: Iterable[str]) -> Counts:
        """Without the counts of other fields than these."""
        return Counts(self.features, {name: self.fields[name] for name in fields})

    def joined(self, other: Counts) -> Counts:
        """These features and those of `other`, whose fields may be fewer."""
        routes = next(iter(self.fields.values())).shape[0]
        nothing = csr_matrix((routes, len(other.features)), dtype=np.float32)
        fields = {
            name: hstack([counts, other.fields.get(name, nothing)])
            for name, counts in self.fields.items()
        }
        return Counts(self.features + other.features, {n: f.tocsr() for n, f in fields.items()})


def count_words(routes: Sequence[RouteText], fields: Sequence[str]) -> tuple[Counts, Counts]:
    """The words of `fields`, and the pairs of neighbouring words' stems.

    Fields of more than `MAX_PAIRED_WORDS` have words only.
    """
    numbers: dict[str, int] = {}
    said = {
        field: [
            np.array(
                [numbers.setdefault(w, len(numbers)) for w in text.words(getattr(r, field))],
                dtype=np.int32,
            )
            for r in routes
        ]
        for field in fields
    }
    words = Counts(
        tuple(numbers), {name: _counted(rows, len(numbers)) for name, rows in said.items()}
    )
    stems: dict[str, int] = {}
    stem = np.array(
        [stems.setdefault(text.stem(word), len(stems)) for word in numbers], dtype=np.int64
    )
    names = list(stems)
    pairs = {
        field: [stem[row[:-1]] * len(names) + stem[row[1:]] for row in rows]
        for field, rows in said.items()
        if sum(map(len, rows)) <= MAX_PAIRED_WORDS
    }
    everything = [row for rows in pairs.values() for row in rows]
    known = np.unique(np.concatenate(everything)) if everything else np.zeros(0, dtype=np.int64)
    features = tuple(f"{names[pair // len(names)]} {names[pair % len(names)]}" for pair in known)
    found = {
        field: _counted([np.searchsorted(known, row) for row in rows], len(known))
        for field, rows in pairs.items()
    }
    return words, Counts(features, found)


def _counted(rows: Sequence[NDArray[Any]], width: int) -> csr_matrix:
    """A row of feature numbers each, with repeats, as a row of counts."""
    starts = np.cumsum([0, *map(len, rows)])
    places = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    matrix = csr_matrix(
        (np.ones(len(places), dtype=np.float32), places, starts), shape=(len(rows), width)
    )
    matrix.sum_duplicates()
    return matrix
