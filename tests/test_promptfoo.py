"""The provider for promptfoo: what it answers to what promptfoo passes."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LIBRARIES, ROOT

from router.evaluation.promptfoo import call_api

CREW = str(LIBRARIES / "crew")


@pytest.mark.parametrize(
    ("task", "config", "output"),
    [
        ("soup for tonight's crew", {}, "cook/soups"),
        ("soup for tonight's crew", {"agent": "deployer"}, "none"),
        ("xqzt flrb", {}, "none"),
        (
            "roll back the release in production and then cook soup for the crew",
            {},
            "deployer/releases\ncook/soups",
        ),
    ],
)
def test_the_output_is_the_route(task: str, config: dict[str, str], output: str) -> None:
    said = call_api(task, {"config": config | {"library": CREW}}, {"vars": {}})
    assert said["output"] == output
    assert said["metadata"]["task"] == task


def test_the_context_as_output() -> None:
    said = call_api("cook soup", {"config": {"library": CREW, "output": "context"}}, {})
    assert "Source: prompts/cook.md" in said["output"]


@pytest.mark.parametrize(
    ("task", "config", "error"),
    [
        ("", {}, "task:1: is empty"),
        ("x", {"agent": "nobody"}, "nobody"),
        ("x", {"library": "/nowhere"}, "/nowhere"),
    ],
)
def test_what_cannot_be_routed_is_an_error(task: str, config: dict[str, str], error: str) -> None:
    said = call_api(task, {"config": {"library": CREW} | config}, {})
    assert set(said) == {"error"}
    assert error in said["error"]


def test_the_nearest_library(
    library: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a configuration, as promptfoo calls it in the folder of its own."""
    monkeypatch.chdir(library("crew") / "tests")
    provider: Any = runpy.run_path(str(ROOT / "examples/promptfoo_provider.py"))
    assert provider["call_api"]("cook soup for the crew", {}, {})["output"] == "cook/soups"
