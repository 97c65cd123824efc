"""Several libraries as one: names, paths, precedence, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run, told

from router import Router, UsageError
from router.library.joining import namespaces
from router.library.starting import start

DEPLOYER = """---
name: deployer
description: Ships releases to production
---
**Role**: Ships.

## Dynamic Prompt Selection

### Deploys
**When**: Shipping a release to production, canary, rollout
**Use**: [Ship](../prompts/ship.md) + [Lost](../prompts/lost.md)
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    start(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    files = {
        "agents/deployer.md": DEPLOYER,
        "prompts/ship.md": "---\ntitle: Ship\n---\nShip it.\n",
        "tasks/learned.jsonl": '{"task": "bring it out", "expect": "deployer/deploys"}\n',
        "project.yaml": "project: {name: Ops}\nrouting: {threshold: 0.9}\n",
    }
    return write(tmp_path / "ops", files)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["a/prompts"], ["prompts"]),
        (["a/prompts", "b/prompts", "c/prompts"], ["prompts", "prompts-2", "prompts-3"]),
        (["x=a", "b"], ["x", "b"]),
        (["My Team=a"], ["my-team-a"]),
        (["a/.claude"], ["claude"]),
    ],
)
def test_names(places: list[str], names: list[str]) -> None:
    assert list(namespaces(places)) == names


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a=b"
    folder.mkdir()
    assert namespaces([folder]) == {"a-b": str(folder)}


def test_a_name_is_given_once() -> None:
    with pytest.raises(UsageError, match="`x` names two libraries; rename one"):
        namespaces(["x=a", "x=b"])


def test_each_library_keeps_its_own(shop: Path, ops: Path) -> None:
    router = Router.load([shop, ops])
    ids = [route.id for route in router.routes]
    assert ids[0] == "shop:developer/new-features"
    assert ids[-1] == "ops:deployer/deploys"
    decision = router.route("ship the release as a canary")
    assert [match.route for match in decision.matches] == ["ops:deployer/deploys"]
    context = router.assemble(decision)
    sources = {part.source for part in context.parts if part.source}
    assert sources >= {"ops/agents/deployer.md", "ops/prompts/ship.md"}
    assert not any(source.startswith("shop/") for source in sources)
    assert context.missing == ("../prompts/lost.md",)


def test_learned_tasks_are_of_their_library(shop: Path, ops: Path) -> None:
    router = Router.load({"one": shop, "two": ops})
    assert [m.route for m in router.route("Bring it out!").matches] == ["two:deployer/deploys"]


def test_faults_name_the_library(shop: Path, ops: Path) -> None:
    said = [str(fault) for fault in Router.load([shop, ops]).model.warnings]
    assert said == [
        "ops/agents/deployer.md:11: warning: prompt `prompts/lost.md` does not exist; write it or fix the link",
        "ops/project.yaml:1: warning: `routing` does not count beside other libraries; tune them together",
    ]


def test_the_first_of_the_same_files_counts(shop: Path, ops: Path, tmp_path: Path) -> None:
    copy = write(
        tmp_path / "copy",
        {
            "agents/deployer.md": DEPLOYER,
            "tasks/a.jsonl": '{"task": "x y", "expect": "deployer/deploys"}\n',
        },
    )
    router = Router.load([ops, copy, shop])
    assert [route.id for route in router.routes if "deployer" in route.id] == [
        "ops:deployer/deploys"
    ]
    assert (
        "copy/agents/deployer.md:1: warning: is the same as ops/agents/deployer.md; left out"
        in [str(fault) for fault in router.model.warnings]
    )
    assert [task.task for task in router.model.tasks] == ["bring it out"]


def test_agents_of_one_name_are_two(shop: Path, tmp_path: Path) -> None:
    other = write(
        tmp_path / "other", {"agents/developer.md": DEPLOYER.replace("deployer", "developer")}
    )
    agents = {agent.id for agent in Router.load([shop, other]).model.agents}
    assert {"shop:developer", "other:developer"} <= agents


def test_it_is_compiled_when_one_changes(shop: Path, ops: Path) -> None:
    (ops / "prompts/ship.md").write_text(f"---\ntitle: Ship\n---\n{ops}\n")

    def said() -> list[str]:
        lines: list[str] = []
        Router.load([shop, ops], notify=lines.append)
        return [line for line in lines if line.startswith("compiling shop + ops ")]

    assert len(said()) == 1
    assert said() == []
    (ops / "prompts/ship.md").write_text("---\ntitle: Ship\n---\nOtherwise.\n")
    assert len(said()) == 1


def test_no_library_at_all() -> None:
    with pytest.raises(UsageError, match="library: name one or more folders"):
        Router.load([])


def test_the_commands(run: Run, shop: Path, ops: Path) -> None:
    both = ["--library", shop, "--library", f"live={ops}"]
    done = run(*both, "--json", "ship the release as a canary")
    assert json.loads(done.stdout)["decision"]["matches"][0]["route"] == "live:deployer/deploys"
    assert "live:deployer / Deploys" in run("task", *both, "ship the release as a canary").stderr
    assert "live:deployer/deploys\tlive/prompts/ship.md" in run("rules", *both).stdout
    shown = run("show", "live:deployer/deploys", *both)
    assert "Source: live/prompts/ship.md" in shown.stdout
    refused = run("eval", shop / "cases.yaml", *both, "--against", "HEAD")
    assert refused.returncode == 2
    assert told(refused).startswith("--against: one library at a time")


def test_one_library_may_have_a_name(run: Run, ops: Path) -> None:
    assert "live:deployer/deploys" in run("rules", "--library", f"live={ops}").stdout


def test_a_folder_that_is_not_there(run: Run, shop: Path, library: Callable[[str], Path]) -> None:
    done = run("rules", "--library", shop, "--library", "x=/nowhere")
    assert done.returncode == 2
    assert told(done).splitlines()[-1].endswith("/nowhere is not a folder")
