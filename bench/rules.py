"""What each part of a rule is worth: `python bench/rules.py`, the table of docs/writing-rules.md.

The shipped library is compiled again and again with more of what its rules say, and routes the
`dev` half of `tests/tasks.jsonl`. The other half is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from router import Router
from router.compiler.compiling import compile_library, library_of
from router.compiler.encoder import load_encoder
from router.evaluation.cases import read_cases
from router.evaluation.measuring import evaluate
from router.evaluation.metrics import measure
from router.library.folder import Library
from router.library.records import LabelledTask, Rule
from router.model import artifact

ROOT = Path(__file__).parent.parent
TAUGHT = (4, 16, 64)
FIGURES = ("top1", "top3", "agent_top1", "auroc", "coverage", "selective_accuracy")

Edit = Callable[[Rule], Rule]


def without(*fields: str) -> Edit:
    """A rule that says nothing in these fields."""
    none: dict[str, Any] = {"examples": (), "use": (), "included": ()}
    return lambda rule: replace(rule, **{name: none.get(name, "") for name in fields})


def examples(count: int) -> Edit:
    return lambda rule: replace(rule, examples=rule.examples[:count])


def edited(library: Library, edit: Edit) -> Library:
    agents = tuple(
        replace(agent, rules=tuple(edit(rule) for rule in agent.rules)) for agent in library.agents
    )
    return replace(library, agents=agents)


def taught(library: Library, count: int) -> Library:
    """With so many labelled tasks of each rule; of those that no rule fits, five times as many."""
    kept: list[LabelledTask] = []
    have: Counter[tuple[str, ...]] = Counter()
    for labelled in library.tasks:
        have[labelled.expect] += 1
        if have[labelled.expect] <= count * (1 if labelled.expect else 5):
            kept.append(labelled)
    return replace(library, tasks=tuple(kept))


def variants(library: Library) -> Iterator[tuple[str, Library]]:
    said = replace(library, tasks=())
    everything = ("when", "not_when", "examples", "rationale", "use", "included")
    yield "title alone", edited(said, without(*everything))
    yield "and prompts", edited(said, without("when", "not_when", "examples", "rationale"))
    yield "and When", edited(said, without("not_when", "examples", "rationale"))
    yield "and Rationale", edited(said, without("not_when", "examples"))
    yield "and Not when", edited(said, without("examples"))
    for count in (1, 3, 5):
        yield f"and {count} Examples", edited(said, examples(count))
    yield "… without prompts", edited(said, without("use", "included"))
    for count in TAUGHT:
        yield f"and {count} tasks", taught(library, count)
    yield f"and {len(library.tasks)} in all", library


def main() -> None:
    loaded = Router.load(ROOT)
    cases = [
        case for case in read_cases(ROOT / "tests/tasks.jsonl", loaded.routes) if "dev" in case.tags
    ]
    library, encoder = library_of(loaded.model), load_encoder()
    print(f"{len(cases)} tasks, {len(loaded.routes)} rules")
    print(f"{'a rule has':18}" + "".join(f"{name:>20}" for name in FIGURES))
    for name, tried in variants(library):
        router = Router(artifact.loads(compile_library(tried, "", encoder)))
        report = evaluate(lambda task: router.route(task, top=10, recall=False), cases)  # noqa: B023
        figures = measure(report).figures
        print(f"{name:18}" + "".join(f"{figures[key].value:20.3f}" for key in FIGURES), flush=True)


if __name__ == "__main__":
    main()
