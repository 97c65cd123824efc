"""Rules that are in each other's way, from the compiled library alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from router import Router
from router.evaluation.overlap import Map, overlaps

RULES = {
    "bakery": ("Baking bread and rolls from dough", ["knead the dough"]),
    "pastry": ("Baking bread and rolls from dough, and cakes", []),
    "harbour": ("Mooring ships at the quay", ["where does the ship berth?", "bread for the rolls"]),
    "echo": ("Mooring ships", ["Mooring ships at the quay"]),
}


def library(folder: Path, rules: dict[str, tuple[str, list[str]]]) -> Router:
    (folder / "agents").mkdir()
    (folder / "prompts").mkdir()
    (folder / "prompts/p.md").write_text("# Nothing\n")
    for name, (when, examples) in rules.items():
        lines = "".join(f"- {example}\n" for example in examples)
        said = f"**Examples**:\n{lines}" if examples else ""
        (folder / f"agents/{name}.md").write_text(
            f"---\nname: {name}\ndescription: {name}\n---\n## Dynamic Prompt Selection\n"
            f"### {name}\n**When**: {when}\n**Use**: [P](../prompts/p.md)\n{said}"
        )
    return Router.load(folder)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Map:
    return overlaps(library(tmp_path_factory.mktemp("overlap"), RULES))


def test_a_line_that_another_rule_wins_is_stolen(found: Map) -> None:
    stolen = {(line.text, line.by): line for pair in found.pairs for line in pair.stolen}
    bread = stolen["bread for the rolls", "bakery/bakery"]
    assert bread.field == "example"
    assert bread.confidence > 0.0
    assert set(bread.words) == {"bread", "rolls"}
    assert stolen["Mooring ships at the quay", "echo/echo"].field == "when"
    assert not any(line.text == "knead the dough" for line in stolen.values())


def test_rules_that_say_nearly_the_same_are_a_pair(found: Map) -> None:
    pair = next(p for p in found.pairs if {p.first, p.second} == {"bakery/bakery", "pastry/pastry"})
    assert pair.alike > 0.5
    assert "cakes" in pair.words[[pair.first, pair.second].index("pastry/pastry")]
    apart = {frozenset((p.first, p.second)) for p in found.pairs if not p.stolen}
    assert frozenset(("bakery/bakery", "echo/echo")) not in apart


def test_the_worst_come_first(found: Map) -> None:
    order = [(len(pair.stolen), pair.alike) for pair in found.pairs]
    assert order == sorted(order, reverse=True)


def test_rules_that_win_no_line_of_their_own(tmp_path: Path) -> None:
    twin = ("Baking bread", ["knead the dough"])
    router = library(tmp_path, {"one": twin, "two": twin, "ship": ("Mooring ships", [])})
    # The names of the agents decide between twins, and equal ones go to the first.
    assert overlaps(router).winless in {("one/one",), ("two/two",)}


def test_one_rule_is_in_nobodys_way(library: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/a.md").write_text("---\nname: a\ndescription: paints ships\n---\n")
    assert overlaps(Router.load(tmp_path)) == Map((), ())


def test_as_json(found: Map) -> None:
    row = found.to_dict()["pairs"][0]
    assert set(row) == {"first", "second", "alike", "stolen", "words"}
    assert set(row["words"]) == {row["first"], row["second"]}


def test_the_command(run: Run, tmp_path: Path) -> None:
    library(tmp_path, RULES)
    done = run("overlap", "--library", tmp_path)
    assert done.returncode == 0
    blocks = done.stdout.split("\n\n")
    assert "bakery/bakery  and  harbour/harbour  alike " in done.stdout
    assert "   stolen  “bread for the rolls”\n           (example) by bakery/bakery" in done.stdout
    assert "   apart   pastry/pastry: cakes" in done.stdout
    assert blocks[-1].startswith(f"{len(blocks) - 1} pairs of rules overlap, ")
    answer = json.loads(run("overlap", "--library", tmp_path, "--json").stdout)
    assert len(answer["pairs"]) == len(blocks) - 1
    alike = json.loads(run("overlap", "--library", tmp_path, "--alike", 1, "--json").stdout)
    assert all(pair["stolen"] or pair["alike"] >= 1 for pair in alike["pairs"])
