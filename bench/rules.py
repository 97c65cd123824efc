"""What each part of a rule is worth: `python bench/rules.py`, the table of docs/writing-rules.md.

The shipped library is compiled again and again with more of what its rules say, and routes the
`dev` half of `tests/tasks.jsonl`. The other half is not looked at.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from router import Router
from router.compiler.compiling import compile_library, library_of
from router.compiler.encoder import StaticEncoder, load_encoder
from router.evaluation.cases import Case, read_cases
from router.evaluation.measuring import Report, Result, evaluate, stratified
from router.evaluation.metrics import measure
from router.library.folder import Library
from router.library.records import LabelledTask, Route, Rule
from router.model import artifact

ROOT = Path(__file__).parent.parent
PARTS = 4
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


def variants(library: Library) -> Iterator[tuple[str, Library]]:
    everything = ("when", "not_when", "examples", "rationale", "use", "included")
    yield "title alone", edited(library, without(*everything))
    yield "and prompts", edited(library, without("when", "not_when", "examples", "rationale"))
    yield "and When", edited(library, without("not_when", "examples", "rationale"))
    yield "and Rationale", edited(library, without("not_when", "examples"))
    yield "and Not when", edited(library, without("examples"))
    for count in (1, 3, 5):
        yield f"and {count} Examples", edited(library, examples(count))
    yield "… without prompts", edited(library, without("use", "included"))


def dev_cases(routes: tuple[Route, ...]) -> list[Case]:
    cases = read_cases(ROOT / "tests/tasks.jsonl", routes)
    return [case for case in cases if "dev" in case.tags]


def routed(library: Library, encoder: StaticEncoder | None, cases: Sequence[Case]) -> Report:
    router = Router(artifact.loads(compile_library(library, "", encoder)))
    return evaluate(lambda task: router.route(task, top=10, recall=False), cases)


def taught(library: Library, encoder: StaticEncoder | None, cases: Sequence[Case]) -> Report:
    """The report of all cases, each routed by a library that has learned the other parts."""
    results: list[Result] = []
    for part in stratified([case.expect for case in cases], PARTS, random.Random(0)):
        tasks = tuple(
            LabelledTask(case.task, case.expect, case.path, case.line)
            for number, case in enumerate(cases)
            if number not in part
        )
        asked = [cases[number] for number in sorted(part)]
        results += routed(replace(library, tasks=tasks), encoder, asked).results
    return Report(tuple(results))


def main() -> None:
    loaded = Router.load(ROOT)
    cases = dev_cases(loaded.routes)
    library, encoder = library_of(loaded.model), load_encoder()
    print(f"{len(cases)} tasks, {len(loaded.routes)} rules")
    print(f"{'a rule has':18}" + "".join(f"{name:>20}" for name in FIGURES))

    def show(name: str, report: Report) -> None:
        figures = measure(report).figures
        print(f"{name:18}" + "".join(f"{figures[key].value:20.3f}" for key in FIGURES), flush=True)

    for name, tried in variants(library):
        show(name, routed(tried, encoder, cases))
    show("… learned tasks", taught(library, encoder, cases))


if __name__ == "__main__":
    main()
