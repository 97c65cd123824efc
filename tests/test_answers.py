"""Other routers: what they may answer, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import ROOT, Run

from router.evaluation.answers import Answer, AnswerError, Labels, Ranked, answer_of, foreign

PASSED, FAULT, USAGE = 0, 1, 2
CASES = "tests/tasks.jsonl"


@pytest.mark.parametrize(
    ("said", "taken", "ranked"),
    [
        (None, (), ()),
        ([], (), ()),
        ("a", ("a",), (Ranked("a"),)),
        (["b", "a"], ("b",), (Ranked("b"), Ranked("a"))),
        ([("b", 1), ("a", 0.5)], ("b",), (Ranked("b", 1.0, 1.0), Ranked("a", 0.5, 0.5))),
        ((("b", 0.5),), ("b",), (Ranked("b", 0.5, 0.5),)),
    ],
)
def test_answers(said: Labels, taken: tuple[str, ...], ranked: tuple[Ranked, ...]) -> None:
    answer = answer_of(said)
    assert (answer.taken, answer.ranked) == (taken, ranked)
    assert Answer.from_dict(answer.to_dict()) == answer


@pytest.mark.parametrize("said", [3, [3], [("a",)], [("a", "b")], [(0.5, "a")], {"a": 1}, [None]])
def test_what_is_no_answer(said: Any) -> None:
    with pytest.raises(AnswerError, match="it must be a label, a list of labels or of"):
        answer_of(said)


def test_one_that_fails_says_where() -> None:
    def broken(task: str) -> str:
        raise KeyError(task)

    with pytest.raises(AnswerError, match=r"mine:route failed on 'ship it': KeyError: 'ship it'"):
        foreign("mine:route", broken)("ship it")


MINE = '''
"""Routers for tests."""

def route(task):
    return "deployer/releases" if "release" in task else None

class Best:
    def route(self, task):
        return [("deployer/releases", 0.75), ("cook/soups", 0.25)]

best = Best()
number = 3

def broken(task):
    raise ValueError("no")
'''


@pytest.mark.parametrize(
    ("name", "accuracy", "auroc"), [("mine:route", 0.5, None), ("mine:best", 0.25, 0.5)]
)
def test_the_command(
    run: Run, library: Callable[[str], Path], name: str, accuracy: float, auroc: float | None
) -> None:
    root = library("crew")
    (root / "mine.py").write_text(MINE)
    page = root / "page.html"
    done = run("eval", CASES, "--router", name, "--json", "--html", page, cwd=root)
    assert done.returncode == PASSED, done.stderr
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["accuracy"]["value"] == accuracy
    assert metrics["auroc"]["value"] == auroc
    assert "compiling" not in done.stderr
    assert 'id="map"' not in page.read_text()


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        (
            "nowhere:route",
            USAGE,
            "--router nowhere:route: No module named 'nowhere'; write module:",
        ),
        ("mine:nothing", USAGE, "--router mine:nothing: module 'mine' has no attribute 'nothing'"),
        ("mine", USAGE, "--router mine: "),
        (":route", USAGE, "--router :route: "),
        ("mine:number", USAGE, "--router mine:number: is no function; write one from a task to"),
        ("faulty:route", USAGE, "--router faulty:route: ZeroDivisionError: division by zero"),
        ("mine:broken", FAULT, "mine:broken failed on 'roll back the release in production': Val"),
    ],
)
def test_what_is_no_router(
    run: Run, library: Callable[[str], Path], name: str, status: int, message: str
) -> None:
    root = library("crew")
    (root / "mine.py").write_text(MINE)
    (root / "faulty.py").write_text("1 / 0\n")
    done = run("eval", CASES, "--router", name, cwd=root)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(message), done.stderr


def test_another_router_needs_a_file(run: Run) -> None:
    done = run("eval", "--router", "mine:route")
    assert (done.returncode, done.stderr) == (
        USAGE,
        "file: name a file of sample tasks for the other router\n",
    )


def test_another_router_beside_ours(run: Run, library: Callable[[str], Path]) -> None:
    """`--library` checks the labels; `--against` shows where the two differ."""
    root = library("crew")
    (root / "mine.py").write_text(MINE)
    done = run("eval", CASES, "--router", "mine:route", "--against", ".", cwd=root)
    assert (
        "against .: decided otherwise: 2 of 4 tasks (0 better, 2 worse, 0 sideways" in done.stdout
    )
    (root / CASES).write_text('{"task": "x", "expect": "cook/soop"}\n')
    done = run("eval", CASES, "--router", "mine:route", "--library", ".", cwd=root)
    assert "no route `cook/soop`; did you mean `cook/soups`?" in done.stderr


def test_the_example_of_a_plain_function(run: Run) -> None:
    done = run(
        "eval", "tests/tasks.dev.jsonl", "--router", "examples.keyword_router:rank", "--json"
    )
    assert 0.2 < json.loads(done.stdout)["metrics"]["accuracy"]["value"] < 0.7


def test_the_example_of_semantic_router() -> None:
    """With something in the place of the package that answers as it does."""
    adapted = runpy.run_path(str(ROOT / "examples/semantic_router_adapter.py"))["adapted"]
    choice, none = (SimpleNamespace(name=name, similarity_score=0.5) for name in ("a", None))
    assert adapted(lambda task: choice)("x") == [("a", 0.5)]
    assert adapted(lambda task: none)("x") == []
    assert adapted(lambda task: [choice, none])("x") == [("a", 0.5)]
