"""Choose how much a sentence's vector counts in what is learned from examples.

    python bench/tune_learned.py DATA MODEL.onnx

Rows used: the validation rows of clinc150 and banking77 that fit a route, after 10 examples of
each route; no accuracy table reports them. Prints top-1 for each weight in the place of
`classifier.SENTENCE`, and without the encoder.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import rows, sentence_encoder

from router.compiler import classifier
from router.compiler.encoder import StaticEncoder, load_encoder
from router.model.fields import RouteText
from router.model.scores import CHANNEL_WEIGHTS, SENTENCE_WEIGHT
from router.model.sentences import Encoder, Remembering

SETS = ("clinc150", "banking77")
WEIGHTS = (0.0, 2.0, 4.0, 6.0, 9.0)


@dataclass(frozen=True)
class Choosing:
    """Routes with examples, and tasks with the numbers of their routes."""

    texts: list[RouteText]
    tasks: list[str]
    labels: list[int]


def read(folder: Path) -> Choosing:
    routes = [
        (route["id"], route["name"].replace("_", " ")) for route in rows(folder / "routes.jsonl")
    ]
    examples = rows(folder / "train_10shot.jsonl")
    texts = [
        RouteText(
            title=title,
            when=title,
            agent=f"{title}\n{title}",
            examples="\n".join(row["text"] for row in examples if row["label"] == label),
        )
        for label, title in routes
    ]
    numbers = {label: number for number, (label, _) in enumerate(routes)}
    asked = [row for row in rows(folder / "valid.jsonl") if row["label"] in numbers]
    labels = [numbers[row["label"]] for row in asked]
    return Choosing(texts, [row["text"] for row in asked], labels)


def top1(chosen: Choosing, encoder: StaticEncoder, sentences: Encoder | None) -> float:
    weights = (*CHANNEL_WEIGHTS, SENTENCE_WEIGHT)
    fitted = classifier.fit(chosen.texts, encoder, weights, sentences=sentences)
    scores = classifier._scores(fitted, chosen.tasks, encoder, weights, sentences)
    return float(np.mean(scores.argmax(axis=1) == chosen.labels))


def main() -> None:
    encoder, sentences = load_encoder(), Remembering(sentence_encoder(sys.argv[2]))
    for name in SETS:
        chosen = read(Path(sys.argv[1]) / name)
        print(f"{name}, {len(chosen.tasks)} rows; without: {top1(chosen, encoder, None):.4f}")
        for weight in WEIGHTS:
            classifier.LEARNED_WEIGHTS = ((1.4, 0.0, 2.8, weight),)
            print(f"  {weight}: {top1(chosen, encoder, sentences):.4f}", flush=True)


if __name__ == "__main__":
    main()
