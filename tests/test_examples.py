"""The examples run, offline, against the real packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("task", "output"),
    [
        (
            "optimize slow queries",
            "optimize slow queries: agents/backend-developer.md, prompts/database-optimization.md,"
            " prompts/query-analysis.md, agents/backend-developer.md\n",
        ),
        ("xqzt flrb", "No rule fits: no word of the task is known to the library\n"),
    ],
)
def test_pydantic_ai(task: str, output: str) -> None:
    done = subprocess.run(
        [sys.executable, "examples/pydantic_ai_agent.py", task],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == output
