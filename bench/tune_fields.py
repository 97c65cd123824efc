"""Choose the weights of `router/compiler/classifier.py` and `router/model/scores.py`.

    python bench/tune_fields.py

Tasks used: the Examples of the shipped rules, each scored by a classifier that has not seen it
(five folds), and the half `dev` of `tests/tasks.jsonl`; the other half is not looked at. Weights
are moved one at a time, as long as the mean reciprocal rank of the right rule rises.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from router.compiler import classifier
from router.compiler.encoder import StaticEncoder, load_encoder
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder
from router.model import text
from router.model.fields import RouteText, route_text
from router.model.pieces import split_word
from router.model.scores import CHANNEL_WEIGHTS

ROOT = Path(__file__).parent.parent
FOLDS = 5
FACTORS = (0.0, 0.5, 0.71, 1.41, 2.0)
FIRST_STEP = 0.25
"""What a weight of nothing is tried at."""

Array = NDArray[np.float64]
Weights = dict[str, float]


@dataclass(frozen=True)
class Fold:
    """Per channel and field, the similarity of each task with each route's field, and the Gram
    terms that give the length of a weighted sum of fields."""

    similarities: list[dict[str, Array]]
    grams: list[dict[tuple[str, str], Array]]
    labels: list[int]


def prepare(texts: list[RouteText], tasks: list[tuple[str, int]], encoder: StaticEncoder) -> Fold:
    """Everything about one fold that does not depend on the weights."""
    fields = [*classifier.FIELD_WEIGHTS, "not_when"]
    similarities: list[dict[str, Array]] = []
    grams: list[dict[tuple[str, str], Array]] = []
    for analyze in (text.terms, text.text_grams, None):
        if analyze:
            vectorizer = TfidfVectorizer(analyzer=analyze, sublinear_tf=True)
            vectorizer.fit(
                "\n".join(getattr(route, field) for field in classifier.FIELD_WEIGHTS)
                for route in texts
            )
            own = {
                f: vectorizer.transform(getattr(route, f) for route in texts).toarray()
                for f in fields
            }
            query = np.zeros((len(tasks), len(vectorizer.idf_)))
            for row, (task, _) in zip(query, tasks, strict=True):
                for word in dict.fromkeys(text.words(task)):
                    for feature in analyze(word):
                        if feature in vectorizer.vocabulary_:
                            place = vectorizer.vocabulary_[feature]
                            row[place] += vectorizer.idf_[place]
            query = normalize(query)
        else:
            own = {
                f: normalize(encoder.encode([getattr(route, f) for route in texts])) for f in fields
            }
            query = np.zeros((len(tasks), encoder.vectors.shape[1]))
            for row, (task, _) in zip(query, tasks, strict=True):
                pieces = [
                    piece
                    for word in dict.fromkeys(text.words(task))
                    for piece in split_word(word, encoder.pieces)
                ]
                vectors = encoder.vectors[pieces]
                row += vectors.sum(axis=0) / max(np.sqrt(np.square(vectors).sum()), 1e-9)
        claimed = sum(own[f] for f in classifier.FIELD_WEIGHTS) != 0
        if analyze:
            own["not_when"] = np.where(claimed, 0.0, own["not_when"])
        similarities.append({f: query @ own[f].T for f in fields})
        grams.append({(f, g): (own[f] * own[g]).sum(axis=1) for f in fields for g in fields})
    return Fold(similarities, grams, [label for _, label in tasks])


def score(fold: Fold, weights: Weights) -> float:
    """The summed reciprocal ranks of the right routes."""
    total: Array | float = 0.0
    fields = classifier.FIELD_WEIGHTS
    for channel in range(3):
        used = [*fields] if channel == 2 else [*fields, "not_when"]
        raw = sum(weights[f] * fold.similarities[channel][f] for f in used)
        square = sum(
            weights[f] * weights[g] * fold.grams[channel][f, g] for f in used for g in used
        )
        total = total + weights[f"channel {channel}"] * raw / np.sqrt(np.maximum(square, 1e-12))
    found = 0.0
    for row, label in zip(np.asarray(total), fold.labels, strict=True):
        found += 1.0 / (1 + int((row > row[label]).sum()))
    return found


def main() -> None:
    encoder = load_encoder()
    assert encoder is not None
    folder = Folder(ROOT)
    library = read_library(folder, snapshot(folder))
    prompts = {prompt.path: prompt for prompt in library.prompts}
    texts = [route_text(route, prompts) for route in library.routes]
    numbers = {route.id: number for number, route in enumerate(library.routes)}
    dev = [
        (row["task"], numbers[row["expect"]])
        for line in (ROOT / "tests/tasks.jsonl").read_text().splitlines()
        if (row := json.loads(line))["expect"] in numbers and "dev" in row["tags"]
    ]
    folds = [prepare(texts, dev, encoder)]
    for number in range(FOLDS):
        asked: list[tuple[str, int]] = []
        kept = []
        for place, (route, own) in enumerate(zip(library.routes, texts, strict=True)):
            examples = route.rule.examples
            asked += [(e, place) for i, e in enumerate(examples) if i % FOLDS == number]
            rest = "\n".join(e for i, e in enumerate(examples) if i % FOLDS != number)
            kept.append(replace(own, examples=rest))
        folds.append(prepare(kept, asked, encoder))

    weights: Weights = dict(classifier.FIELD_WEIGHTS)
    # `not_when` counts against the route.
    weights["not_when"] = -classifier.NOT_WHEN_WEIGHT
    weights |= {f"channel {i}": weight for i, weight in enumerate(CHANNEL_WEIGHTS)}
    count = sum(len(fold.labels) for fold in folds)

    def mean(tried: Weights) -> float:
        return sum(score(fold, tried) for fold in folds) / count

    best = mean(weights)
    print(f"{count} tasks, mean reciprocal rank {best:.4f}", weights)
    moved = True
    while moved:
        moved = False
        for name in weights:
            if name == "channel 2":
                continue  # the unit of the others
            sign = -1 if name == "not_when" else 1
            for factor in FACTORS:
                value = weights[name] * factor or (sign * FIRST_STEP if factor == 2.0 else 0.0)
                tried = weights | {name: value}
                # A tenth of a task's rank is no reason to move.
                if (found := mean(tried)) > best + 0.1 / count:
                    weights, best, moved = tried, found, True
        print(f"{best:.4f}", {name: round(weight, 2) for name, weight in weights.items()})


if __name__ == "__main__":
    main()
