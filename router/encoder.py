"""Static embeddings: what makes *laggy* near *slow* when no rule says *laggy*.

An `Encoder` turns texts into vectors. The default one reads the vectors inside the `wordllama`
package (MIT; derived from Llama 2, see its licence) without importing the package, whose own
loader looks for files on the network. Compile-time only: the model stores what routing needs.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from router.pieces import WORD_START, split_word
from router.text import words

_VECTORS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


class Encoder(Protocol):
    """Anything that turns texts into vectors."""

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """One row per text, shape `(len(texts), dimensions)`, of any length."""
        ...


@dataclass(frozen=True, slots=True)
class StaticEncoder:
    """One vector per word piece; a text is the sum over its words' pieces."""

    name: str
    pieces: dict[str, int] = field(repr=False)
    vectors: NDArray[np.float32] = field(repr=False)

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """The sum of the pieces' vectors of each text; zero for a text of unknown characters."""
        rows = np.zeros((len(texts), self.vectors.shape[1]), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            found = [piece for word in words(text) for piece in split_word(word, self.pieces)]
            if found:
                row += self.vectors[found].sum(axis=0)
        return rows


def wordllama_version() -> str | None:
    """The installed version of the vectors' package, None without it."""
    try:
        return metadata.version("wordllama")
    except metadata.PackageNotFoundError:
        return None


def load_wordllama() -> StaticEncoder | None:
    """The vectors of the installed `wordllama` package, or None without it.

    Only pieces that a lower-case word can contain are kept.
    """
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        return None
    from safetensors.numpy import load_file

    folder = Path(spec.submodule_search_locations[0])
    vectors = load_file(folder / _VECTORS)["embedding.weight"].astype(np.float32)
    vocabulary = json.loads((folder / _TOKENIZER).read_text("utf-8"))["model"]["vocab"]
    usable = re.compile(rf"{WORD_START}?[^\W_]*(?:\+\+?|#)?")
    kept = [
        (piece, row)
        for piece, row in sorted(vocabulary.items(), key=lambda item: item[1])
        if piece == piece.casefold() and usable.fullmatch(piece)
    ]
    return StaticEncoder(
        name=f"wordllama {wordllama_version()}",
        pieces={piece: index for index, (piece, _) in enumerate(kept)},
        vectors=np.ascontiguousarray(vectors[[row for _, row in kept]]),
    )
