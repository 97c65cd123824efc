"""Static embeddings: what makes *laggy* near *slow* when no rule says *laggy*.

The encoder joins two tables of word vectors: ours, in
`vectors.safetensors` beside this module (made by `bench/distil.py`, which says from what), and
those inside the `wordllama` package (MIT; derived from Llama 2, see its licence), read without
importing the package, whose own loader looks for files on the network. Compile-time only: the
model stores what routing needs.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from router.model.pieces import WORD_START, split_word
from router.model.text import words

OWN = Path(__file__).with_name("vectors.safetensors")

_VECTORS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

OWN_LENGTH, WORDLLAMA_LENGTH = 0.59, 9.8
"""Root mean square length of the vectors of the words in the tasks of `bench/described`: divided by
these, both tables count the same. `bench/tune_channels.py` prints what is left of a difference."""


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


def load_encoder() -> StaticEncoder:
    """The shipped vectors, joined with those of the `wordllama` package where it is installed."""
    tensors = load_file(OWN)
    names = tensors["names"].tobytes().decode().split("\0")
    pieces = {name: number for number, name in enumerate(names)}
    own = (tensors["vectors"] * (tensors["scales"][:, None] / OWN_LENGTH)).astype(np.float32)
    folder = _wordllama_folder()
    known = wordllama_vocabulary() if folder else {}
    if folder is None or list(known) != names[: len(known)]:
        return StaticEncoder("whenuse", pieces, own)
    table = load_file(folder / _VECTORS)["embedding.weight"].astype(np.float32)
    rows, order = list(known.values()), {piece: number for number, piece in enumerate(known)}
    # A whole word of ours may be several pieces there.
    parts = [split_word(name.removeprefix(WORD_START), order) for name in names[len(known) :]]
    whole = [table[[rows[number] for number in part]].sum(axis=0) for part in parts]
    other = np.vstack([table[rows], *whole])
    vectors = np.hstack([own, other / WORDLLAMA_LENGTH]).astype(np.float32)
    name = f"whenuse + wordllama {wordllama_version()}"
    return StaticEncoder(name, pieces, vectors)


def wordllama_vocabulary() -> dict[str, int]:
    """The pieces of wordllama's tokenizer that a lower-case word can contain, with their rows.

    In the order of the tokenizer's merges. Raises `FileNotFoundError` without the package.
    """
    folder = _wordllama_folder()
    if folder is None:
        raise FileNotFoundError("the wordllama package is not installed")
    vocabulary = json.loads((folder / _TOKENIZER).read_text("utf-8"))["model"]["vocab"]
    usable = re.compile(rf"{WORD_START}?[^\W_]*(?:\+\+?|#)?")
    return {
        piece: row
        for piece, row in sorted(vocabulary.items(), key=lambda item: item[1])
        if piece == piece.casefold() and usable.fullmatch(piece)
    }


def _wordllama_folder() -> Path | None:
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])
