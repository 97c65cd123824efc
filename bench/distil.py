"""Make `router/vectors.safetensors`: static word vectors that imitate a sentence encoder.

    python bench/distil.py CORPUS TEACHER TOKENIZER OUT

CORPUS is a text file, one text a line; TEACHER an ONNX sentence encoder with the inputs
`input_ids` and `attention_mask` and one output of sentence vectors; TOKENIZER its `tokenizer.json`.
`bench/minilm.py` makes both. Needs the packages of the extra `onnx`.

The shipped file was made from 756,148 texts: the glosses and examples of WordNet 3.1 (WordNet
licence) and the one-line summaries of packages on PyPI, npm and in Debian 12. The teacher was
all-MiniLM-L6-v2 (Apache-2.0) with 8-bit weights. No row of a data set that accuracy is measured on
was used.

Each word of a text is one or more pieces: those of the wordllama tokenizer, and 11,945 whole words
that occur in at least 20 texts. With x the pieces' counts in a text, of unit length, and t the
teacher's vector, the table V minimises sum |xV - t|^2 + 0.5 |V|^2 (ridge regression, solved by
conjugate gradients). The 256 strongest directions are kept, as 8-bit numbers with a scale per row.
On 4,000 texts left out, the mean cosine with the teacher is 0.853.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix

from router.compiler.encoder import wordllama_vocabulary
from router.model.pieces import WORD_START, split_word
from router.model.text import words

MIN_TEXTS = 20
RIDGE = 0.5
ITERATIONS = 30
DIMENSIONS = 256
HELD_OUT = 4_000
MAX_PIECES = 40
BATCH = 32

Array = NDArray[np.float32]


def pieces_of(texts: list[str]) -> dict[str, int]:
    """The tokenizer's pieces, then the frequent words that it would take apart."""
    pieces = {piece: number for number, piece in enumerate(wordllama_vocabulary())}
    seen = Counter(word for text in texts for word in set(words(text)))
    for word, count in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
        if count < MIN_TEXTS or len(word) < 3 or any(letter.isdigit() for letter in word):
            continue
        if WORD_START + word not in pieces and len(split_word(word, pieces)) > 1:
            pieces[WORD_START + word] = len(pieces)
    return pieces


def bags(texts: list[str], pieces: dict[str, int]) -> csr_matrix:
    """One row a text: how often each piece is in it, of unit length."""
    places: list[int] = []
    starts = [0]
    for text in texts:
        for word in dict.fromkeys(words(text)):
            places += split_word(word, pieces)
        starts.append(len(places))
    ones = np.ones(len(places), dtype=np.float32)
    counts = csr_matrix((ones, places, starts), shape=(len(texts), len(pieces)))
    counts.sum_duplicates()
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    return csr_matrix(counts.multiply(1 / np.maximum(lengths, 1)[:, None]), dtype=np.float32)


def taught(texts: list[str], teacher: Path, tokenizer: Path) -> Array:
    """The teacher's vectors of `texts`."""
    from onnxruntime import InferenceSession  # type: ignore[import-not-found,unused-ignore]
    from tokenizers import Tokenizer  # type: ignore[import-not-found,unused-ignore]

    session = InferenceSession(str(teacher), providers=["CPUExecutionProvider"])
    split = Tokenizer.from_file(str(tokenizer))
    split.no_padding()
    split.enable_truncation(MAX_PIECES)
    found = [encoding.ids for encoding in split.encode_batch(texts)]
    order = sorted(range(len(found)), key=lambda number: len(found[number]))
    rows: list[Array] = []
    for batch in _batches(order):
        longest = max(len(found[number]) for number in batch)
        ids = np.zeros((len(batch), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, number in enumerate(batch):
            ids[row, : len(found[number])] = found[number]
            mask[row, : len(found[number])] = 1
        rows += list(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    vectors = np.empty((len(texts), rows[0].shape[0]), dtype=np.float32)
    vectors[order] = rows
    return vectors


def _batches(order: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def solve(inputs: csr_matrix, targets: Array) -> Array:
    """The ridge regression's table, by conjugate gradients with a diagonal preconditioner."""
    across = inputs.T.tocsr()
    diagonal = np.asarray(inputs.multiply(inputs).sum(axis=0)).ravel()[:, None] + RIDGE
    table = np.zeros((inputs.shape[1], targets.shape[1]), dtype=np.float32)
    rest = across @ targets
    turned = rest / diagonal
    step = turned.copy()
    size = (rest * turned).sum(axis=0)
    for _ in range(ITERATIONS):
        along = across @ (inputs @ step) + RIDGE * step
        reach = size / np.maximum((step * along).sum(axis=0), 1e-12)
        table += reach * step
        rest -= reach * along
        turned = rest / diagonal
        size, before = (rest * turned).sum(axis=0), size
        step = turned + size / np.maximum(before, 1e-12) * step
    return table


def save(table: Array, pieces: dict[str, int], out: Path) -> None:
    """Write the strongest directions of `table` as 8-bit numbers, a scale for each row."""
    directions = np.linalg.svd(table.T @ table)[2][:DIMENSIONS]
    table = table @ directions.T
    scales = np.maximum(np.abs(table).max(axis=1), 1e-9) / 127
    tensors = {
        "names": np.frombuffer("\0".join(pieces).encode(), dtype=np.uint8),
        "scales": scales.astype(np.float32),
        "vectors": np.round(table / scales[:, None]).astype(np.int8),
    }
    save_file(tensors, str(out))


def main() -> None:
    corpus, teacher, tokenizer, out = map(Path, sys.argv[1:])
    texts = corpus.read_text("utf-8").splitlines()
    targets = taught(texts, teacher, tokenizer)
    pieces = pieces_of(texts)
    inputs = bags(texts, pieces)
    table = solve(inputs[HELD_OUT:], targets[HELD_OUT:])
    guessed = inputs[:HELD_OUT] @ table
    lengths = np.linalg.norm(guessed, axis=1) * np.linalg.norm(targets[:HELD_OUT], axis=1)
    cosine = (guessed * targets[:HELD_OUT]).sum(axis=1) / np.maximum(lengths, 1e-9)
    print(f"{len(texts)} texts, {len(pieces)} pieces, mean cosine held out {cosine.mean():.3f}")
    save(table, pieces, out)


if __name__ == "__main__":
    main()
