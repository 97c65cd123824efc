"""How a very large library compiles and routes: `python bench/scale.py [RULES]`, 100,000 if unsaid.

The library is made by this script: each rule has a title, a When and a Use, and its prompt a body
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
TASKS, WARM = 300, 50


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", type=int, nargs="?", default=100_000)
    count = parser.parse_args().rules
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ROUTE_CACHE"] = f"{scratch}/cache"
        folder = Path(scratch, "library")
        tasks = write_library(folder, count)
        started = time.perf_counter()
        usage = subprocess.run(
            [sys.executable, "-c", MEASURED, str(folder)],
            check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        compiling = time.perf_counter() - started
        model = next(Path(scratch, "cache").glob("*.model"))
        size = model.stat().st_size
        started = time.perf_counter()
        router = Router.load(folder)
        loading = time.perf_counter() - started
        for task in tasks[:WARM]:
            router.route(task)
        seconds = []
        found = []
        for task in tasks[WARM:]:
            started = time.perf_counter()
            found.append(router.route(task))
            seconds.append(time.perf_counter() - started)
        # What the same machine needs to add two rows of this many numbers ten times over.
        row = np.random.default_rng(0).random(count, dtype=np.float32)
        plain = []
        for _ in range(100):
            started = time.perf_counter()
            total = np.zeros_like(row)
            for _ in range(10):
                total += row
            total.argmax()
            plain.append(time.perf_counter() - started)
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1e3
    unit = float(np.median(plain)) * 1e3
    print(f"{count} rules, bodies of {BODY_WORDS} words")
    print(f"compile      {compiling:8.1f} s   {int(usage[0]) / 1e6:.2f} GB at most")
    print(f"artefact     {size / 1e6:8.1f} MB")
    print(f"load         {loading:8.2f} s")
    print(f"route        p50 {p50:.2f} ms   p99 {p99:.2f} ms   {p50 / unit:.1f} x adding ten rows")


MEASURED = """
import resource, sys
from router import Router
Router.load(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""

if __name__ == "__main__":
    main()
