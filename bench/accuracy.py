"""Accuracy on public data sets: `make bench-accuracy DATA=../shared/bench`.

Every set of the folder is made into a library and goes through the product's own compile and
route: from names and descriptions alone, and where the set has examples, with 5, 10 and all of
them for each route. Nothing is tuned here. AUROC is that of `Decision.fit`, in scope or not.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from datasets import Row, build, rows
from sklearn.metrics import roc_auc_score

from router.compiler.encoder import StaticEncoder, load_encoder

BINS = 10
COLUMNS = (
    f"{'set':<20}{'routes':>7}{'shots':>6}{'top-1':>7}{'top-3':>7}{'AUROC':>7}"
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


def measure(
    name: str, shots: str, routes: list[Row], tests: list[Row], encoder: StaticEncoder
) -> tuple[str, float]:
    """One line of the table, and top-1."""
    started = time.perf_counter()
    router, ids = build(routes, encoder)
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
        right = {test["label"], *(test.get("labels") or ())} - {None}
        ranked = [ids[candidate.target.agent.path] in right for candidate in decision.candidates]
        abstained[bool(right)].append(decision.abstained)
        sure.append((decision.candidates[0].confidence, ranked[0]))
        fits.append(decision.fit)
        if right:
            first.append(ranked[0])
            top.append(any(ranked))
    inside = [bool({test["label"], *(test.get("labels") or ())} - {None}) for test in tests]
    outside = abstained[False]
    auroc = f"{roc_auc_score(inside, fits):.3f}" if outside else "–"
    p50, p99 = (statistics.quantiles(seconds, n=100)[place] * 1e6 for place in (49, 98))
    refused = f"{statistics.fmean(outside):.3f}" if outside else "–"
    line = (
        f"{name:<20}{len(routes):>7}{shots:>6}{statistics.fmean(first):>7.3f}"
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
    folder = Path(sys.argv[1])
    encoder = load_encoder()
    assert encoder is not None
    print(COLUMNS)
    described = []
    for path in sorted(folder.iterdir()):
        if not (path / "routes.jsonl").exists():
            continue
        tests = [test for test in rows(path / "test.jsonl") if test["text"].strip()]
        for shots, routes in runs(path):
            line, top1 = measure(path.name, shots, routes, tests, encoder)
            print(line, flush=True)
            if shots == "0":
                described.append(top1)
    print(f"mean top-1 of the {len(described)} described sets: {statistics.fmean(described):.3f}")


if __name__ == "__main__":
    main()
