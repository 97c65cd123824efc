"""How long `route eval` takes: `make bench-evaluation`, or with numbers of cases and of rules.

The library and its tasks are made as in bench/scale.py. Compiling is not counted; the figures, the
report as JSON, as JUnit XML and as a page are.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from scale import write_library

from router import Router
from router.evaluation.assessing import Folds, assess
from router.evaluation.cases import read_cases
from router.evaluation.junit import junit
from router.evaluation.page import Findings, page
from router.evaluation.plane import placed
from router.terminal.report import LABELS, why_line

UNIT = 1e6 if sys.platform == "darwin" else 1e3
"""Of `ru_maxrss` in a megabyte."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=int, nargs="?", default=10_000)
    parser.add_argument("rules", type=int, nargs="?", default=100)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["ROUTE_CACHE"] = str(folder / "cache")
        tasks = write_library(folder / "library", said.rules)
        router = Router.load(folder / "library")
        write_cases(folder / "cases.jsonl", tasks, [r.id for r in router.routes], said.cases)
        before = peak()
        marks = [time.perf_counter()]
        cases = read_cases(folder / "cases.jsonl", router.routes)
        marks.append(time.perf_counter())
        found = assess(router, cases, Folds(), lambda what, done, total: None)
        marks.append(time.perf_counter())
        size = len(json.dumps(found.to_dict())) + len(junit(found.report, (), why_line))
        dots = placed(router, found.report.results)
        size += len(page(Findings("bench", found.report, found.metrics, *dots), LABELS, why_line))
        marks.append(time.perf_counter())
    reading, judging, writing = (b - a for a, b in pairwise(marks))
    accuracy = found.report.rates["accuracy"].value
    print(f"{said.cases} cases, {said.rules} rules: accuracy {accuracy:.3f}")
    print(f"read     {reading:6.2f} s")
    print(f"judged   {judging:6.2f} s")
    print(f"written  {writing:6.2f} s, {size / 1e6:.0f} MB")
    print(f"together {marks[-1] - marks[0]:6.2f} s; {peak() - before:.0f} MB more at its peak")


def write_cases(path: Path, tasks: list[str], routes: list[str], count: int) -> None:
    """Tasks of some words of one rule's task each, now and then of two."""
    chance = random.Random(1)
    with path.open("w") as file:
        for _ in range(count):
            number = chance.randrange(len(tasks))
            words = chance.sample(tasks[number].split(), 5) + chance.choice(tasks).split()[:2]
            expect = routes[number] if chance.random() < 0.9 else None
            file.write(json.dumps({"task": " ".join(words), "expect": expect}) + "\n")


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT


if __name__ == "__main__":
    main()
