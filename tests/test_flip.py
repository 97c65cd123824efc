"""What would change a decision: the margin that is missing, and an edit that really does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import Router, UsageError
from router.compiler import compiling
from router.compiler.compiling import compile_library
from router.compiler.encoder import StaticEncoder
from router.decision import flip
from router.decision.deciding import Decision, decide
from router.decision.flip import MAX_COMPILES, MAX_SINGLE_WORDS
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder

ROOT = Path(__file__).parent.parent
LIBRARIES = Path(__file__).parent / "libraries"

TASKS = [
    "optimize slow queries",
    "the month-end ledger job hangs",
    "please look at the thing in the lobby",
    "xqzt flrb",
    "of the",
]

PAGE = """---
name: {name}
description: {about}
---
## Dynamic Prompt Selection

### Care
**When**: {when}
**Use**: [Care](../prompts/{name}.md)
"""

GARDEN = [
    ("roses", "Shrubs and hedges", "Pruning thorny bushes", "Cut above a bud."),
    ("ponds", "Still water", "Cleaning murky basins", "Skim algae off the surface."),
    ("sheds", "Carpentry outdoors", "Mending a leaking roof", "Nail felt to the boards."),
]


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    """Rules that have little in common."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "prompts").mkdir()
    for name, about, when, body in GARDEN:
        page = PAGE.format(name=name, about=about, when=when)
        (tmp_path / f"agents/{name}.md").write_text(page)
        prompt = f"---\ntitle: Care\ndescription: {about}\n---\n{body}\n"
        (tmp_path / f"prompts/{name}.md").write_text(prompt)
    return tmp_path


def written(root: Path, edit: flip.Edit) -> None:
    """Do by hand what an edit says: add its words to the line that it names."""
    path, _, line = edit.source.rpartition(":")
    lines = (root / path).read_text().split("\n")
    old = lines[int(line) - 1]
    lines[int(line) - 1] = old.replace("**When**:", f"**When**: {edit.words}")
    (root / path).write_text("\n".join(lines))


def raised(router: Router, decision: Decision, route: str, by: float) -> Decision:
    """The same decision with one route's score raised."""
    place = [route.id for route in router.routes].index(route)
    scores = decision.candidates[0].scores
    totals = list(scores.totals)
    totals[place] += by
    known = replace(scores.words[0], known=True)
    changed = replace(scores, totals=tuple(totals), words=(known,))
    return decide(
        "x", router.routes, changed, decision.eligible, router.calibration, router.model.scale, 1
    )


@pytest.mark.parametrize("name", ["good", "labelled-tasks", "loop"])
def test_a_model_compiles_to_itself(encoder: StaticEncoder, name: str) -> None:
    """It holds all that its library was compiled from, so that a trial differs by the edit alone."""
    folder = Folder(LIBRARIES / name)
    files = snapshot(folder)
    model = Router.load(LIBRARIES / name).model
    unchanged = flip.edited(model, model.routes[0], "")
    assert compile_library(unchanged, model.made_from, encoder) == compile_library(
        read_library(folder, files), files.digest, encoder
    )


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(TASKS), st.integers(0, 22), st.booleans())
def test_the_margin_is_the_smallest_rise_with_which_a_route_is_taken(
    router: Router, task: str, number: int, alone: bool
) -> None:
    target = router.routes[number]
    decision = router.route(task, agent=target.agent.id if alone else None)
    margin = router.margin(decision, to=target.id)
    assert margin is not None
    assert margin.route == target.id
    after = raised(router, decision, target.id, margin.score)
    assert [match.route for match in after.matches] == [target.id]
    if margin.score:
        before = raised(router, decision, target.id, margin.score - 1e-5)
        assert [match.route for match in before.matches] != [target.id]
        now = router.route(task, agent=target.agent.id if alone else None, top=99)
        own = next(c.confidence for c in now.candidates if c.route == target.id)
        assert after.candidates[0].confidence == pytest.approx(own + margin.confidence, abs=1e-3)


@pytest.mark.parametrize(("task", "place"), [("optimize slow queries", 1), (TASKS[2], 0)])
def test_without_a_name_the_margin_is_that_of_the_nearest(
    router: Router, task: str, place: int
) -> None:
    """The runner-up where the best is taken, else the best."""
    decision = router.route(task, top=2)
    margin = router.margin(decision)
    assert margin is not None
    assert margin.route == decision.candidates[place].route
    assert margin.score > 0.0
    assert margin.confidence > 0.0


def test_what_is_taken_lacks_nothing(router: Router) -> None:
    decision = router.route("optimize slow queries")
    taken = decision.candidates[0].route
    found = router.flip(decision, to=taken)
    assert found == flip.Flip(flip.Margin(taken, 0.0, 0.0), None, ())


def test_the_only_route_has_no_other(library: Callable[[str], Path]) -> None:
    router = Router.load(library("good"))
    decision = router.route("shipping a release")
    assert not decision.abstained
    assert router.margin(decision) is None
    assert router.flip(decision) == flip.Flip(None, None, ())


@pytest.mark.parametrize(
    ("task", "to"),
    [
        ("the gazebo creaks", "ponds/care"),
        ("the gazebo creaks", "roses/care"),
        ("the murky gazebo", "roses/care"),
    ],
    ids=["unknown words", "the other", "from the one to the other"],
)
def test_an_edit_does_what_it_says_when_it_is_written(garden: Path, task: str, to: str) -> None:
    """The file, with the words where the edit puts them, is routed with just that confidence."""
    router = Router.load(garden)
    decision = router.route(task)
    assert to not in [match.route for match in decision.matches]
    said: list[str] = []
    found = router.flip(decision, to=to, notify=said.append)
    assert found.edit is not None
    assert found.margin == router.margin(decision, to=to)
    assert said == [f'trying "{words}" in {route} …' for words, route in found.tried]
    assert found.tried[-1] == (found.edit.words, to)
    assert found.edit.field == "When"
    assert set(found.edit.words.split()) <= set(task.split())
    written(garden, found.edit)
    best = Router.load(garden).route(task)
    assert [match.route for match in best.matches] == [to]
    assert best.candidates[0].confidence == pytest.approx(found.edit.confidence, abs=2e-4)


def test_an_abstention_is_ended_by_its_best(garden: Path) -> None:
    router = Router.load(garden)
    decision = router.route("tomatoes stay green")
    assert decision.outcome == "below-threshold"
    found = router.flip(decision)
    assert found.edit is not None
    assert found.edit.target.id == decision.candidates[0].route
    assert found.edit.confidence >= decision.threshold
    path, line = found.edit.source.split(":")
    assert (garden / path).read_text().split("\n")[int(line) - 1].startswith("**When**: ")


def test_a_page_without_rules_is_edited_in_its_description(library: Callable[[str], Path]) -> None:
    router = Router.load(library("loop"))
    found = router.flip(router.route("the zorgle flumps"), to="cook/main")
    assert found.edit is not None
    assert (found.edit.field, found.edit.source) == ("description", "agents/cook.md:1")


def test_an_agents_own_decision_is_flipped_among_its_own(library: Callable[[str], Path]) -> None:
    router = Router.load(library("loop"))
    decision = router.route("the vessel needs towing", agent="pilot")
    assert {route for _, route in router.flip(decision).tried} <= {
        "pilot/docking-ships",
        "pilot/towing-ships",
    }
    with pytest.raises(UsageError, match="no route `cook/main`"):
        router.flip(decision, to="cook/main")


def test_where_nothing_helps_it_says_so_after_a_handful_of_compiles(
    garden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single words first, then pairs; nothing that earlier trials make hopeless is tried."""
    compiles: list[object] = []
    router = Router.load(garden)
    model = router.model
    payload = compile_library(flip.edited(model, router.routes[0], ""), model.made_from, None)

    def unchanged(*arguments: object) -> bytes:
        compiles.append(arguments)
        return payload

    monkeypatch.setattr(compiling, "compile_library", unchanged)
    monkeypatch.setattr(flip, "HOPELESS", -99.0)
    decision = router.route("skim the muddy murky basins of still water")
    found = router.flip(decision, to="roses/care")
    assert found.edit is None
    assert len(found.tried) == len(compiles) == MAX_COMPILES
    sizes = [len(words.split()) for words, _ in found.tried]
    assert sizes == [1] * MAX_SINGLE_WORDS + [2] * (MAX_COMPILES - MAX_SINGLE_WORDS)
    monkeypatch.setattr(flip, "HOPELESS", 99.0)
    assert len(router.flip(decision, to="roses/care").tried) == 1


def test_words_that_tell_a_rule_nothing_are_not_tried(garden: Path) -> None:
    """Nor bare numbers, nor words that say nothing."""
    router = Router.load(garden)
    found = router.flip(router.route("have 12 pruned murky gazebos"), to="roses/care")
    tried = {word for words, _ in found.tried for word in words.split()}
    assert tried <= {"murky", "gazebos"}


@pytest.mark.parametrize("task", ["xqzt flrb", "of the"])
def test_without_a_known_word_somebody_has_to_name_a_rule(router: Router, task: str) -> None:
    found = router.flip(router.route(task))
    assert found.edit is None
    assert found.tried == ()
    assert found.margin is not None


def test_what_cannot_be_asked(router: Router, garden: Path) -> None:
    decision = router.route("optimize slow queries")
    with pytest.raises(UsageError, match="did you mean `tester/flaky-tests`"):
        router.flip(decision, to="tester/flaky-test")
    with pytest.raises(UsageError, match="route: no route `x`; see `route rules`"):
        router.margin(decision, to="x")
    with pytest.raises(UsageError, match="made by another router"):
        Router.load(garden).margin(decision)
    with pytest.raises(UsageError, match="without a compiled library"):
        flip.margin(replace(decision, model=None), router.calibration, "x")
