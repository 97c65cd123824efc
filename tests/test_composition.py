"""Prompts that include others and templates with variables: settled when the library is compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router import LibraryError, Router
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder

Copy = Callable[[str], Path]


def faults(root: Path) -> list[str]:
    folder = Folder(root)
    return [str(fault) for fault in read_library(folder, snapshot(folder)).faults]


def prompts(root: Path, task: str) -> list[str]:
    router = Router.load(root)
    context = router.assemble(router.route(task))
    return [part.title for part in context.parts if part.role == "prompt"]


@pytest.mark.parametrize(
    ("task", "titles"),
    [
        # What the rule names comes first, then what that includes, each once.
        ("ship the release", ["Ship", "Style", "Safety", "Tide"]),
        ("sail out of the harbour", ["Sail", "Style", "Safety", "Tide"]),
    ],
)
def test_a_prompt_brings_what_it_includes(library: Copy, task: str, titles: list[str]) -> None:
    assert prompts(library("includes"), task) == titles


def test_two_matches_share_what_both_include(library: Copy) -> None:
    router = Router.load(library("includes"))
    decision = router.route("ship the release", top=2)
    ship, sail = sorted(decision.candidates, key=lambda candidate: candidate.route, reverse=True)
    both = type(decision)(
        decision.task, (ship, sail), (ship, sail), "routed", 1.0, 0.0, model=router.model
    )
    titles = [part.title for part in router.assemble(both).parts if part.role == "prompt"]
    assert titles == ["Ship", "Style", "Safety", "Tide", "Sail"]
    assert [link.path for link in both.bundle] == [
        f"prompts/{name}.md" for name in ("ship", "style", "safety", "tide", "sail")
    ]


def test_includes_do_not_change_what_a_rule_is_matched_by(library: Copy) -> None:
    """A style guide that every prompt includes says nothing for any of them."""
    root = library("includes")
    rule = Router.load(root).routes[0].rule
    assert [link.path for link in rule.use] == ["prompts/ship.md"]
    assert [link.title for link in rule.included] == ["Style", "Safety", "Tide"]


def chain(root: Path, length: int) -> None:
    for number in range(length):
        (root / f"prompts/c{number}.md").write_text(
            f"---\ntitle: C{number}\nincludes: [c{number + 1}.md]\n---\nx\n"
        )
    (root / f"prompts/c{length}.md").write_text("---\ntitle: End\n---\nx\n")


def test_eight_deep_is_not_too_deep(library: Copy) -> None:
    root = library("includes")
    chain(root, 8)
    assert faults(root) == []


@pytest.mark.parametrize("length", [9, 10, 2_000])
def test_nine_deep_is(library: Copy, length: int) -> None:
    root = library("includes")
    chain(root, length)
    assert faults(root) == [
        f"prompts/c{length - 9}.md:3: `includes` are 9 deep; the limit is 8: name fewer"
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"tide": "includes: [ship.md]"},
            ["prompts/ship.md:3: `includes` goes round in a circle: prompts/safety.md →"
             " prompts/tide.md → prompts/ship.md → prompts/safety.md; take one out"],
        ),
        (
            {"tide": "includes: [tide.md]"},
            ["prompts/tide.md:3: `includes` goes round in a circle: prompts/tide.md →"
             " prompts/tide.md; take one out"],
        ),
        (
            {"tide": "includes: [mooring.md]"},
            ["prompts/tide.md:3: warning: prompt `prompts/mooring.md` does not exist; write it or"
             " fix the link"],
        ),
        (
            {"tide": "includes: [../../etc/passwd]"},
            ["prompts/tide.md:3: link `../../etc/passwd` leads outside of the library; move the"
             " file into it"],
        ),
        (
            {"tide": "includes: [1, 2]"},
            ["prompts/tide.md:3: `includes` must be a list of prompt files, such as `[style.md]`"],
        ),
        (
            {"tide": "include: [style.md]"},
            ["prompts/tide.md:3: key `include` is unknown; did you mean `includes`?"],
        ),
    ],
)  # fmt: skip
def test_includes_at_fault(library: Copy, files: dict[str, str], expected: list[str]) -> None:
    root = library("includes")
    for name, key in files.items():
        (root / f"prompts/{name}.md").write_text(f"---\ntitle: T\n{key}\n---\nText.\n")
    assert faults(root) == expected


def test_a_missing_include_is_named_in_the_context(library: Copy) -> None:
    root = library("includes")
    (root / "prompts/tide.md").unlink()
    router = Router.load(root)
    assert router.assemble(router.route("ship the release")).missing == ("tide.md",)


def test_an_include_from_another_folder_is_watched(library: Copy) -> None:
    root = library("includes")
    (root / "notes").mkdir()
    (root / "notes/tide.md").write_text("# Tide notes\n\nOld.\n")
    (root / "prompts/tide.md").write_text("---\nincludes: [../notes/tide.md]\n---\nText.\n")
    assert "Old." in Router.load(root).show("deployer/ship").text
    (root / "notes/tide.md").write_text("# Tide notes\n\nNew.\n")
    assert "New." in Router.load(root).show("deployer/ship").text


def test_variables_have_defaults_that_the_project_overrides(library: Copy) -> None:
    context = Router.load(library("variables")).show("deployer/ship")
    assert "Be terse on release of Harbour." in context.text


@pytest.mark.parametrize(
    ("front", "body", "expected"),
    [
        ("template: jinja", "a\nb {{ tone }}",
         ["prompts/ship.md:6: template: 'tone' is undefined; define it in project.yaml, or test it"
          " first"]),
        ("template: jinja\nvariables: [tone]", "x",
         ["prompts/ship.md:4: `variables` must have one `name: value` a line below it"]),
        ("template: jinja\nvariables: {schema: x}", "x",
         ["prompts/ship.md:4: variable `schema` has a meaning already; rename it"]),
        ("template: jinja", "{% if tone %}{{ tone }}{% endif %}x", []),
        ("variables: {tone: x}", "{{ tone }} {{ other }}", []),
    ],
)  # fmt: skip
def test_variables_at_fault(library: Copy, front: str, body: str, expected: list[str]) -> None:
    root = library("variables")
    (root / "prompts/ship.md").write_text(f"---\ntitle: S\n{front}\n---\n{body}\n")
    assert faults(root) == expected


def test_variables_of_a_project_must_be_named(library: Copy) -> None:
    root = library("variables")
    (root / "project.yaml").write_text("variables: 7\n")
    with pytest.raises(LibraryError, match=r"project\.yaml:1: `variables` must have one"):
        Router.load(root)
