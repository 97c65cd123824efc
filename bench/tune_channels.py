"""Choose how much each channel counts in `router/model/scores.py`: `python bench/tune_channels.py`.

With a sentence encoder's `MODEL.onnx` (see `bench/minilm.py`) as argument, that counts as well.

Tasks used: `bench/described`, libraries of names and descriptions with tasks that mostly say it in
other words, written for this and judging nothing. Each set's background is the tasks of the others.
Prints the mean reciprocal rank and top-1, averaged over the sets, around the weights in use; and
before that how long the vectors of the tasks' words are in each of the two tables that are joined.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from datasets import Row, rows, sentence_encoder
from numpy.typing import NDArray

from router.compiler import classifier
from router.compiler.encoder import StaticEncoder, load_encoder
from router.library.exclusions import split_exclusions
from router.model import text
from router.model.fields import RouteText
from router.model.pieces import split_word
from router.model.scores import CHANNEL_WEIGHTS, SENTENCE_WEIGHT
from router.model.sentences import Encoder, Remembering

DESCRIBED = Path(__file__).with_name("described")
PER_SET = 60
STEPS = (0.0, 0.5, 0.7, 1.4, 2.0, 4.0)
Array = NDArray[np.float64]


def text_of(route: Row) -> RouteText:
    """A route as an agent file with this name and description gives it."""
    when, excluded = split_exclusions(route["description"])
    name = route["name"].replace("-", " ").replace("_", " ")
    return RouteText(title=name, when=when, not_when=excluded, agent=f"{name}\n{when}")


def channels(
    routes: list[RouteText],
    tasks: list[str],
    encoder: StaticEncoder,
    sentences: Encoder | None,
    count: int,
) -> list[Array]:
    """What each of `count` channels alone, at weight 1, scores: tasks × routes."""
    plain = classifier._zero_shot(routes, encoder, (), (), sentences)
    units = np.eye(count).tolist()
    return [classifier._scores(plain, tasks, encoder, unit, sentences) for unit in units]


def lengths(encoder: StaticEncoder, tasks: list[str]) -> list[float]:
    """Root mean square lengths in the tables of word vectors, ours and wordllama's.

    Those are divided by `OWN_LENGTH` and `WORDLLAMA_LENGTH` when they are loaded: 1 is right.
    """
    said = [word for task in tasks for word in dict.fromkeys(text.words(task))]
    pieces = [piece for word in said for piece in split_word(word, encoder.pieces)]
    tables = np.split(np.square(encoder.vectors[pieces]), 2, axis=1)
    return [round(float(np.sqrt(table.sum(axis=1).mean())), 3) for table in tables]


def main() -> None:
    encoder = load_encoder()
    sentences = Remembering(sentence_encoder(sys.argv[1])) if len(sys.argv) > 1 else None
    chosen = (*CHANNEL_WEIGHTS, SENTENCE_WEIGHT) if sentences else CHANNEL_WEIGHTS
    sets = {path.name: path for path in sorted(DESCRIBED.iterdir()) if path.is_dir()}
    tests = {name: rows(path / "test.jsonl") for name, path in sets.items()}
    scored: list[tuple[list[Array], list[Array], list[set[int]]]] = []
    for name, path in sets.items():
        routes = rows(path / "routes.jsonl")
        numbers = {route["id"]: number for number, route in enumerate(routes)}
        asked = [row for row in tests[name] if row["label"]]
        right = [{numbers[label] for label in row.get("labels") or [row["label"]]} for row in asked]
        others = [row["text"] for other in sets if other != name for row in tests[other][:PER_SET]]
        texts = [text_of(route) for route in routes]
        said = [row["text"] for row in asked] + others
        found = channels(texts, said, encoder, sentences, len(chosen))
        scored.append(
            ([f[: len(asked)] for f in found], [f[len(asked) :].mean(axis=0) for f in found], right)
        )

    def measure(weights: tuple[float, ...], centred: bool = True) -> str:
        ranks, firsts = [], []
        for found, usual, right in scored:
            total = sum(
                w * (f - centred * u) for w, f, u in zip(weights, found, usual, strict=True)
            )
            assert not isinstance(total, int)
            place = [
                int((row > max(row[label] for label in labels)).sum())
                for row, labels in zip(total, right, strict=True)
            ]
            ranks.append(np.mean([1 / (1 + p) for p in place]))
            firsts.append(np.mean([p == 0 for p in place]))
        return f"mean reciprocal rank {np.mean(ranks):.4f}, top-1 {np.mean(firsts):.4f}"

    tasks = [row["text"] for listed in tests.values() for row in listed]
    print("lengths of vectors, ours and wordllama's:", *lengths(encoder, tasks))
    print(chosen, measure(chosen))
    print("without background", measure(chosen, centred=False))
    for channel in range(len(chosen)):
        for step in STEPS:
            tried = [w * step if c == channel else w for c, w in enumerate(chosen)]
            print(tuple(round(w, 2) for w in tried), measure(tuple(tried)))


if __name__ == "__main__":
    main()
