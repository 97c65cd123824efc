"""How large libraries compile and route: `make bench-scale`, or `python bench/scale.py RULES …`.

A library is made by this script: each rule has a title, a When and a Use, and its prompt a body
of 200 words. Topics are pairs of common words with a vocabulary of their own, drawn by Zipf's law,
so that rules overlap as real ones do. Needs 2 GB of disk for a while.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

import numpy as np

from router import Router

ROOT = Path(__file__).parent.parent
RULES_PER_AGENT = 100
BODY_WORDS, WHEN_WORDS, OWN_WORDS = 200, 15, 12
TASKS = 300


def vocabulary() -> list[str]:
    """Words of the shipped prompts, the most frequent first."""
    counts: dict[str, int] = {}
    for path in sorted((ROOT / "prompts").glob("*.md")):
        for word in path.read_text("utf-8").split():
            if word.isalpha() and len(word) > 2:
                counts[word.lower()] = counts.get(word.lower(), 0) + 1
    return sorted(counts, key=lambda word: (-counts[word], word))


def write_library(folder: Path, count: int) -> list[str]:
    """Write a library of `count` rules; returns a task for each of some of them."""
    chance = random.Random(0)
    known = vocabulary()
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(known))))
    (folder / "agents").mkdir(parents=True)
    (folder / "prompts").mkdir()
    tasks = []
    every = max(1, count // TASKS)
    for first in range(0, count, RULES_PER_AGENT):
        name = f"agent-{first // RULES_PER_AGENT:05}"
        rules = []
        for number in range(first, min(count, first + RULES_PER_AGENT)):
            own = chance.sample(known, OWN_WORDS)
            own.append(f"{chance.choice(known)}{number % 5_000}")
            common = chance.choices(known, cum_weights=weights, k=BODY_WORDS + WHEN_WORDS)
            drawn = [chance.choice(own) if chance.random() < 0.3 else word for word in common]
            body, when = drawn[:BODY_WORDS], drawn[BODY_WORDS:]
            title = f"{own[0]} {own[1]} {number}".title()
            (folder / f"prompts/p{number:06}.md").write_text(
                f"---\ntitle: {title}\ndescription: About {own[0]} and {own[1]}.\n---\n"
                f"# {title}\n\n"
                + "\n".join(" ".join(body[i : i + 12]) for i in range(0, BODY_WORDS, 12))
                + "\n"
            )
            rules.append(
                f"### {title}\n**When**: {' '.join(when)}\n"
                f"**Use**: [{title}](../prompts/p{number:06}.md)\n"
            )
            if number % every == 0:
                tasks.append(" ".join([*chance.sample(own, 4), *chance.choices(common, k=4)]))
        (folder / f"agents/{name}.md").write_text(
            f"---\nname: {name}\ndescription: Agent number {name}.\n---\n"
            "## Dynamic Prompt Selection\n\n" + "\n".join(rules)
        )
    return tasks


def measure(count: int, scratch: Path) -> None:
    """Compile and route a library of `count` rules, and print a line of figures."""
    os.environ["ROUTE_CACHE"] = str(scratch / "cache")
    folder = scratch / "library"
    tasks = write_library(folder, count)
    started = time.perf_counter()
    used = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder)], check=True, capture_output=True, text=True
    ).stdout
    compiling = time.perf_counter() - started
    size = next((scratch / "cache").glob("*.model")).stat().st_size
    started = time.perf_counter()
    router = Router.load(folder)
    loading = time.perf_counter() - started
    rows = np.random.default_rng(0).random((10, count), dtype=np.float32)
    first: list[float] = []
    again: list[float] = []
    plain: list[float] = []
    for seconds in (first, again):
        for task in tasks:
            started = time.perf_counter()
            router.route(task)
            routed = time.perf_counter()
            int(rows.sum(axis=0).argmax())
            plain.append(time.perf_counter() - routed)
            seconds.append(routed - started)
    fresh, warm, most = np.median(first), np.median(again), np.quantile(again, 0.99)
    print(
        f"{count:7} {compiling:9.1f} {int(used) / 1e6:8.2f} {size / 1e6:9.1f} {loading:7.2f}"
        f" {fresh * 1e3:9.3f} {warm * 1e3:9.3f} {most * 1e3:9.3f} {warm / np.median(plain):9.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", type=int, nargs="*", default=[50, 1_000, 100_000])
    print("                compiled                           one route, ms")
    print("  rules   seconds  GB RAM   MB file  load s   new p50       p50       p99   x numpy")
    for count in parser.parse_args().rules:
        with tempfile.TemporaryDirectory() as scratch:
            measure(count, Path(scratch))
    print("new: of a task whose words were not asked about before; else of one that was, as in a")
    print("service after a while. x numpy: over the sum of ten rows of as many numbers")


MEASURED = """
import resource, sys
from router import Router
Router.load(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

if __name__ == "__main__":
    main()
