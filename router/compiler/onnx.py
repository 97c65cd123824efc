"""A sentence encoder as an ONNX file, on the processor: the extra `onnx`.

    Router.load(".", encoder=SentenceEncoder("minilm/model.onnx", "minilm/tokenizer.json"))

`bench/minilm.py` makes these two files of all-MiniLM-L6-v2, from a package.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.errors import UsageError

MAX_TOKENS = 256
"""What is read of a text; sentence encoders were trained on fewer."""

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")

_Path = str | os.PathLike[str]


class SentenceEncoder:
    """Mean of the token vectors of a transformer, of length 1.

    The model takes `input_ids` and `attention_mask` (and `token_type_ids`, all 0, if it has them)
    and its first output is the token vectors, texts × tokens × dimensions, or the texts' own. Safe
    to share between threads.

    Raises `UsageError` for a file that is missing or not what it should be, and without the
    packages of the extra.
    """

    def __init__(self, model: _Path, tokenizer: _Path) -> None:
        try:
            from onnxruntime import InferenceSession, SessionOptions
            from tokenizers import Tokenizer
        except ImportError as error:
            raise UsageError(
                f"encoder: {error.name} is not installed; `pip install 'whenuse[onnx]'`"
            ) from None
        files = [_read(model), _read(tokenizer)]
        digests = [hashlib.sha256(data).hexdigest()[:16] for data in files]
        self._name = f"onnx {digests[0]} tokenizer {digests[1]} mean of {MAX_TOKENS}"
        options = SessionOptions()
        # One thread: the sums come out in the same order each time.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session: Any = InferenceSession(
                files[0], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common class but this
            raise UsageError(f"{os.fspath(model)}: no ONNX model: {_first_line(error)}") from None
        try:
            self._tokenizer: Any = Tokenizer.from_buffer(files[1])
        except Exception as error:  # it raises bare ones
            raise UsageError(
                f"{os.fspath(tokenizer)}: no tokenizer: {_first_line(error)}"
            ) from None
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._inputs = {given.name for given in self._session.get_inputs()}
        if odd := sorted(self._inputs - set(_INPUTS)):
            raise UsageError(
                f"{os.fspath(model)}: it takes {', '.join(odd)}; a sentence encoder takes"
                f" {', '.join(_INPUTS)} or some of these"
            )

    @property
    def name(self) -> str:
        """By the content of both files, wherever they are."""
        return self._name

    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """One row of length 1 per text.

        Each text is run by itself: what else is in a batch would change its last digits, and all
        of them in a model that is quantised dynamically.
        """
        return np.array([self._vector(text) for text in texts], dtype=np.float32)

    def _vector(self, text: str) -> NDArray[np.float32]:
        ids = self._tokenizer.encode(text).ids
        tokens = np.array([ids], dtype=np.int64)
        given = dict(
            zip(_INPUTS, (tokens, np.ones_like(tokens), np.zeros_like(tokens)), strict=True)
        )
        found = self._session.run(None, {name: given[name] for name in self._inputs})[0][0]
        # The sum of the tokens points where their mean does, and there is one of no tokens.
        total = found.sum(axis=0) if found.ndim == 2 else found
        return np.asarray(total / max(float(np.sqrt(np.square(total).sum())), 1e-12))


def _read(path: _Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{os.fspath(path)}: {error.strerror}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
