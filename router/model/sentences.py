"""The part of a score that is not linear in the words: a task as one vector, beside the routes'.

Only for models that were compiled with an encoder of sentences; others import none of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from router.errors import UsageError

WHOLE = "the whole sentence"
"""What the part is called where words are listed. No word or pair of words is three words."""


class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    @property
    def name(self) -> str:
        """Says which vectors these are: two encoders of one name give the same."""
        ...

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """One row per text, shape `(len(texts), dimensions)`, of any length."""
        ...


@dataclass(frozen=True, slots=True)
class Sentences:
    """The routes' vectors in the space of the encoder `name`, one after the other."""

    name: str
    vectors: Sequence[float]


def unit(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """The texts' vectors, each of length 1, or of length 0 where the encoder says nothing.

    Raises `UsageError` for what is not a row of finite numbers for each text.
    """
    rows = np.asarray(encoder.encode(texts), dtype=np.float32)
    if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
        raise UsageError(
            f"encoder: {encoder.name} gave an array of shape {rows.shape} for {len(texts)} texts;"
            " it must be one row of finite numbers for each"
        )
    lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(lengths > 0.0, lengths, 1.0), dtype=np.float32)


class Remembering:
    """An encoder that is asked for each text once, for as long as this object is kept.

    What an encoder says of a text must not depend on the other texts, then.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def name(self) -> str:
        return self._encoder.name

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= zip(new, unit(self._encoder, new), strict=True)
        return np.array([self._known[text] for text in texts], dtype=np.float32)


class Comparer:
    """Compares a task with the routes of one model. Safe to use from many threads.

    Raises `UsageError` where the model was compiled without the encoder, or with another.
    """

    def __init__(self, sentences: Sentences | None, encoder: Encoder | None, routes: int) -> None:
        if sentences is None or encoder is None or sentences.name != encoder.name:
            used, given = sentences and sentences.name, encoder and encoder.name
            raise UsageError(f"encoder: {given} was given, the model was compiled with {used}")
        self._encoder = encoder
        self._vectors = np.asarray(sentences.vectors, dtype=np.float64).reshape(routes, -1)

    def row(self, task: str) -> Any:
        """The dot products of the task's vector with the routes', as 64-bit floats.

        Raises `UsageError` for an encoder that is not the one the model was compiled with.
        """
        own = unit(self._encoder, [task])[0].astype(np.float64)
        if own.size != self._vectors.shape[1]:
            raise UsageError(
                f"encoder: {self._encoder.name} gave {own.size} numbers and the model has"
                f" {self._vectors.shape[1]}; another encoder needs another name"
            )
        # Not `@`: the order in which that adds depends on the number of threads.
        return np.einsum("rd,d->r", self._vectors, own)
