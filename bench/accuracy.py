"""Accuracy on public data sets: `make bench-accuracy DATA=../shared/bench`.

Every set of the folder is made into a library and goes through the product's own compile and
route: from names and descriptions alone, and where the set has examples, with 5, 10 and all of
them for each route. Nothing is tuned here. AUROC is that of `Decision.fit`, in scope or not.

`fusion` is the top-1 of a line to beat, for the sets with descriptions: each route is its name and
description, and the score is the cosine of mean wordllama vectors, plus half the cosine of word
tf-idf vectors, plus half that of tf-idf vectors of character n-grams (3 to 5, within words), as
scikit-learn makes them. It knows the same as the router without examples.

With `--encoder MODEL.onnx` (`tokenizer.json` beside it; see `bench/minilm.py`) each line is
followed by one of the router with that sentence encoder. `--sets` and `--shots` measure less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from datasets import Row, build, rows, sentence_encoder
from safetensors.numpy import load_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import normalize

from router.compiler.encoder import OWN, StaticEncoder, load_encoder
from router.model.sentences import Encoder

BINS = 10
COLUMNS = (
    f"{'set':<20}{'routes':>7}{'shots':>6}{'fusion':>7}{'top-1':>7}{'top-3':>7}{'AUROC':>7}"
    f"{'in abst.':>9}{'out abst.':>10}{'ECE':>6}{'p50 us':>8}{'p99 us':>8}{'compile s':>10}"
)


def runs(folder: Path) -> Iterator[tuple[str, list[Row]]]:
    """The libraries to make of one set: how many examples a route has, and its routes."""
    routes = rows(folder / "routes.jsonl")
    if any(route["description"] for route in routes):
        yield "0", [route | {"examples": []} for route in routes]
    if not any(route["examples"] for route in routes):
        return
    for shots in (5, 10):
        few = folder / f"train_{shots}shot.jsonl"
        if few.exists():
            drawn = rows(few)
            chosen = {
                route["id"]: [row["text"] for row in drawn if row["label"] == route["id"]]
                for route in routes
            }
        else:
            chosen = {route["id"]: route["examples"][:shots] for route in routes}
        yield str(shots), [route | {"examples": chosen[route["id"]]} for route in routes]
    if max(len(route["examples"]) for route in routes) > 10:
        yield "all", routes


def right_ones(test: Row) -> set[str]:
    """The ids of the routes that a row fits; none where it is out of scope."""
    return {test["label"], *(test.get("labels") or ())} - {None}


def fusion(routes: list[Row], tests: list[Row], wordllama: StaticEncoder) -> float:
    """Top-1 of the line to beat (see above) on the rows that fit a route."""
    inside = [test for test in tests if right_ones(test)]
    pages = [f"{route['name']} {route['description']}" for route in routes]
    tasks = [test["text"] for test in inside]
    scores = normalize(wordllama.encode(tasks)) @ normalize(wordllama.encode(pages)).T
    for options in ({"analyzer": "word"}, {"analyzer": "char_wb", "ngram_range": (3, 5)}):
        vectorizer = TfidfVectorizer(**options).fit(pages)
        likeness = vectorizer.transform(tasks) @ vectorizer.transform(pages).T
        scores = scores + 0.5 * likeness.toarray()
    best = np.asarray(scores).argmax(axis=1)
    found = zip(inside, best, strict=True)
    return statistics.fmean(routes[number]["id"] in right_ones(test) for test, number in found)


def measure(
    begin: str,
    routes: list[Row],
    tests: list[Row],
    encoder: StaticEncoder,
    sentences: Encoder | None,
) -> tuple[str, float]:
    """One line of the table, which begins with `begin`, and top-1."""
    started = time.perf_counter()
    router, ids = build(routes, encoder, sentences)
    compiling = time.perf_counter() - started
    seconds: list[float] = []
    first: list[bool] = []
    top: list[bool] = []
    abstained: dict[bool, list[bool]] = {True: [], False: []}
    sure: list[tuple[float, bool]] = []
    fits: list[float] = []
    for test in tests:
        began = time.perf_counter()
        decision = router.route(test["text"], top=3)
        seconds.append(time.perf_counter() - began)
        right = right_ones(test)
        ranked = [ids[candidate.target.agent.path] in right for candidate in decision.candidates]
        abstained[bool(right)].append(decision.abstained)
        sure.append((decision.candidates[0].confidence, ranked[0]))
        fits.append(decision.fit)
        if right:
            first.append(ranked[0])
            top.append(any(ranked))
    inside = [bool(right_ones(test)) for test in tests]
    outside = abstained[False]
    auroc = f"{roc_auc_score(inside, fits):.3f}" if outside else "–"
    p50, p99 = (statistics.quantiles(seconds, n=100)[place] * 1e6 for place in (49, 98))
    refused = f"{statistics.fmean(outside):.3f}" if outside else "–"
    line = (
        f"{begin}{statistics.fmean(first):>7.3f}"
        f"{statistics.fmean(top):>7.3f}{auroc:>7}{statistics.fmean(abstained[True]):>9.3f}"
        f"{refused:>10}{calibration_error(sure):>6.3f}{p50:>8.0f}{p99:>8.0f}{compiling:>10.2f}"
    )
    return line, statistics.fmean(first)


def calibration_error(sure: list[tuple[float, bool]]) -> float:
    """Expected calibration error in ten bins of equal width (Naeini et al., 2015)."""
    error = 0.0
    for number in range(BINS):
        held = [(c, right) for c, right in sure if min(int(c * BINS), BINS - 1) == number]
        if held:
            gap = statistics.fmean(c for c, _ in held) - statistics.fmean(r for _, r in held)
            error += abs(gap) * len(held) / len(sure)
    return error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", type=sentence_encoder, metavar="MODEL.onnx")
    parser.add_argument("--sets", nargs="*", metavar="NAME")
    parser.add_argument("--shots", nargs="*", choices=["0", "5", "10", "all"])
    asked = parser.parse_args()
    encoder = load_encoder()
    ours = load_file(OWN)["vectors"].shape[1]
    wordllama = StaticEncoder("wordllama", encoder.pieces, encoder.vectors[:, ours:])
    print(COLUMNS)
    described: list[tuple[float, ...]] = []
    for path in sorted(asked.folder.iterdir()):
        if not (path / "routes.jsonl").exists() or path.name not in (asked.sets or [path.name]):
            continue
        tests = [test for test in rows(path / "test.jsonl") if test["text"].strip()]
        for shots, routes in runs(path):
            if shots not in (asked.shots or [shots]):
                continue
            zero = shots == "0"
            beaten = fusion(routes, tests, wordllama) if zero else 0.0
            begin = f"{path.name:<20}{len(routes):>7}{shots:>6}"
            line, top1 = measure(
                begin + (f"{beaten:>7.3f}" if zero else f"{'–':>7}"), routes, tests, encoder, None
            )
            print(line, flush=True)
            found = [beaten, top1]
            if asked.encoder:
                begin = f"{'  with the encoder':<40}"
                line, top1 = measure(begin, routes, tests, encoder, asked.encoder)
                print(line, flush=True)
                found.append(top1)
            if zero:
                described.append(tuple(found))
    if described:
        names = ("fusion", "top-1", "with the encoder")
        means = (statistics.fmean(column) for column in zip(*described, strict=True))
        said = ", ".join(f"{name} {mean:.3f}" for name, mean in zip(names, means, strict=False))
        print(f"means of the {len(described)} described sets: {said}")


if __name__ == "__main__":
    main()
