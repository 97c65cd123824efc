"""How long things take, beside what the bare interpreter takes in the same run: `make bench`.

Prints medians of interleaved runs, so that a machine that slows down slows both sides.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from router import Router

ROOT = Path(__file__).parent.parent
PROCESS_RUNS = 25
COMPILE_RUNS = 3
ROUTES = 3_000
TASKS = [
    "optimize slow queries",
    "our nightly report query takes forever since we added the order filter",
    "pipeline needs 25 minutes, mostly downloading the same npm packages again",
    "a screen reader says nothing when the cart drawer opens",
    "TypeError: cannot unpack non-iterable NoneType object in test_checkout, only sometimes",
]


def seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env=environment, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ROUTE_CACHE"] = cache
        environment = dict(os.environ)
        route = [str(Path(sys.executable).with_name("route")), TASKS[0]]
        bare = [sys.executable, "-c", "pass"]

        compiling = []
        for _ in range(COMPILE_RUNS):
            for model in Path(cache).glob("*.model"):
                model.unlink()
            compiling.append(seconds([route[0], "compile"], environment))

        seconds(route, environment)
        pairs = [
            (seconds(bare, environment), seconds(route, environment)) for _ in range(PROCESS_RUNS)
        ]
        router = Router.load(ROOT)
        for task in TASKS:
            router.route(task)
        warm = []
        for number in range(ROUTES):
            started = time.perf_counter()
            router.route(TASKS[number % len(TASKS)])
            warm.append(time.perf_counter() - started)

    interpreter = statistics.median(pair[0] for pair in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    whole = statistics.median(pair[1] for pair in pairs)
    percentiles = statistics.quantiles(warm, n=100)
    rules = len(router.routes)
    print(f"python -c pass            {interpreter * 1e3:8.1f} ms")
    print(f"route TASK, warm cache    {whole * 1e3:8.1f} ms   {ratio:.1f} x the interpreter")
    p50, p99 = percentiles[49] * 1e6, percentiles[98] * 1e6
    print(f"router.route, {rules} rules   p50 {p50:6.0f} us   p99 {p99:.0f} us")
    print(f"compile, shipped library  {statistics.median(compiling):8.2f} s")


if __name__ == "__main__":
    main()
