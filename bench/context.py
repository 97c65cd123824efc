"""What assembling costs beside joining the same strings: `python bench/context.py`.

A made library of one agent and five prompts of 8 KB each.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from router import Decision, Router
from router.context.formats import FORMATS, Format

RUNS = 1_500
PROMPTS, PROMPT_CHARS = 5, 8_192
TASK = "ship the release of the harbour pilot"

AGENT = """---
name: pilot
description: Ships releases
---
**Role**: Pilot of the harbour

**Core Responsibilities**:
- Ship releases

## Dynamic Prompt Selection

### Ship
**When**: shipping a release
**Use**: {links}
**Rationale**: Ship safely

## Quality Gates
- **Whole**: Nothing is lost

## Escalation Triggers
- **Storm warning**: Wait for the harbour master
"""
SECTION = """## Step {number}

Look at the tide before the ship leaves. Ask the master of the harbour, then write down what he
said, with its time. Never rely on memory.

- Engine, rudder and anchor are tested; each test has a `name` and a {{date}}.
- The crew knows who calls whom.

```sh
tide --port "$PORT" | awk '{{print $2}}'  # in metres
```
"""


def write_library(root: Path) -> None:
    for folder in ("agents", "prompts"):
        (root / folder).mkdir()
    links = []
    for number in range(PROMPTS):
        text = f"# Prompt {number}\n"
        while len(text) < PROMPT_CHARS:
            text += "\n" + SECTION.format(number=text.count("\n## ") + 1)
        (root / f"prompts/p{number}.md").write_text(text[: text.rindex("\n## ")])
        links.append(f"[P{number}](../prompts/p{number}.md)")
    (root / "agents/pilot.md").write_text(AGENT.format(links=" + ".join(links)))


def microseconds(call: Callable[[], object]) -> tuple[float, float]:
    """The median and the 99th percentile of `RUNS` calls."""
    call()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1e6)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "library"
        root.mkdir()
        write_library(root)
        os.environ["ROUTE_CACHE"] = os.path.join(folder, "cache")
        router = Router.load(root)
        decision = router.route(TASK)
        parts = [part.text for part in router.assemble(decision).parts]
        whole = router.assemble(decision).tokens
        print(f"{len(decision.bundle)} prompts, {sum(map(len, parts))} characters, {whole} tokens")
        joining, _ = microseconds(lambda: "\n\n".join(parts))
        print(f"{'joining the strings':32} p50 {joining:7.1f} us")
        calls: list[tuple[str, Callable[[], object]]] = [
            ("assemble", partial(router.assemble, decision)),
            *((f"assemble, {name}", partial(text, router, decision, name)) for name in FORMATS),
        ]
        for share in (0.9, 0.5, 0.1):
            budget = int(whole * share)
            name = f"assemble, markdown, budget {budget}"
            calls.append((name, partial(text, router, decision, "markdown", budget)))
        for name, call in calls:
            p50, p99 = microseconds(call)
            ratio = p50 / joining
            print(f"{name:32} p50 {p50:7.1f} us   p99 {p99:7.1f} us   {ratio:5.1f} x joining")


def text(router: Router, decision: Decision, format: Format, budget: int | None = None) -> str:
    return router.assemble(decision, budget=budget, format=format).render(format)


if __name__ == "__main__":
    main()
