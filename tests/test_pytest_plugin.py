"""The pytest plugin, in a pytest of its own as its users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

PASSED, FAILED, INTERRUPTED = 0, 1, 2
CASES = "tests/tasks.jsonl"

Tests = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tests(library: Callable[[str], Path]) -> Tests:
    """Runs pytest in the library `crew`, to whose cases `more` are added."""
    root = library("crew")

    def tests(*arguments: str, more: tuple[dict[str, object], ...] = ()) -> object:
        with (root / CASES).open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in more)
        return subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "router.evaluation.pytest_plugin",
                "-p", "no:cacheprovider", "--route-cases", CASES, *arguments,
            ],
            cwd=root,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100"},
            text=True, capture_output=True, check=False,
        )  # fmt: skip

    return tests  # type: ignore[return-value]


def test_each_case_is_a_test(tests: Tests) -> None:
    done = tests("-v")
    assert done.returncode == PASSED, done.stdout
    assert "tests/tasks.jsonl::3: soup for tonight's crew PASSED" in done.stdout
    assert "4 passed" in done.stdout


def test_a_failure_is_readable(tests: Tests) -> None:
    done = tests(more=({"task": "soup for tonight's crew", "expect": "deployer/alerts"},))
    assert done.returncode == FAILED
    failure = done.stdout[done.stdout.index("FAILURES") :]
    lines = failure.splitlines()
    assert any(line.endswith("tests/tasks.jsonl:5") for line in lines)
    for line in (
        "task      soup for tonight's crew",
        "expected  deployer/alerts",
        "taken     cook/soups",
        "why       first is cook/soups, ahead of the expected by ",
        "  cook/soups  ",
    ):
        assert any(said.startswith(line) for said in lines), (line, failure)
    assert "Traceback" not in done.stdout
    assert "1 failed, 4 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "count"),
    [(["-k", "soup"], 1), (["-k", "ops"], 2), ([f"{CASES}::3: soup for tonight's crew"], 1)],
)
def test_cases_are_chosen_as_tests_are(tests: Tests, arguments: list[str], count: int) -> None:
    done = tests(*arguments)
    assert done.returncode == PASSED, done.stdout
    assert f"{count} passed" in done.stdout


def test_drafts_do_not_count(tests: Tests) -> None:
    done = tests(more=({"task": "a draft", "expect": "cook/soups", "draft": True},))
    assert "4 passed" in done.stdout


def test_a_learned_case_is_skipped(tests: Tests, tmp_path: Path) -> None:
    folder = tmp_path / "crew" / "tasks"
    folder.mkdir()
    (folder / "learned.jsonl").write_text(
        '{"task": "Soup for tonight\'s crew", "expect": "cook/soups"}\n'
    )
    done = tests("-rs")
    assert "3 passed, 1 skipped" in done.stdout
    assert "the library has learned this task; `route eval` cross-validates it" in done.stdout


def test_bad_rows_are_named_all_at_once(tests: Tests) -> None:
    done = tests(more=({"task": "x"}, {"task": "y", "expect": "cook/soop"}))
    assert done.returncode == INTERRUPTED
    assert "tasks.jsonl:5: no `expect`" in done.stdout
    assert "tasks.jsonl:6: no route `cook/soop`; did you mean `cook/soups`?" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_file_that_is_not_there(tests: Tests, tmp_path: Path) -> None:
    (tmp_path / "crew" / CASES).unlink()
    done = tests()
    assert done.returncode != PASSED
    assert "tasks.jsonl" in done.stderr + done.stdout


def test_beside_other_tests(tests: Tests, tmp_path: Path) -> None:
    (tmp_path / "crew" / "test_it.py").write_text("def test_it() -> None: pass\n")
    assert "5 passed" in tests("test_it.py").stdout
    assert "5 passed" in tests(".").stdout
