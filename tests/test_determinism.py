"""The same library and version: the same model to the byte, the same decisions, on any run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

SUBJECTS = ("slow database queries", "broken page layout", "leaked passwords", "a red pipeline")
TASK = "the Istanbul page is slow, then rotate the leaked password"

RUNS = (
    {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2", "LC_ALL": "C.UTF-8"},
    {
        "PYTHONHASHSEED": "3",
        "OPENBLAS_NUM_THREADS": "2",
        "LC_ALL": "tr_TR.UTF-8",
        "TZ": "Asia/Tokyo",
    },
)


def library(root: Path) -> Path:
    """Rules with enough examples to learn and to calibrate from, and labelled tasks."""
    (root / "agents").mkdir(parents=True)
    (root / "tasks").mkdir()
    for number, subject in enumerate(SUBJECTS):
        lines = "".join(f"- {subject} please, case {case}\n" for case in range(6))
        (root / f"agents/r{number}.md").write_text(
            f"---\nname: r{number}\ndescription: {subject}\n---\n**Examples**:\n\n{lines}"
        )
    rows = [
        {"task": "who won the match", "expect": None},
        {"task": "CVE in a lib", "expect": "r2/main"},
    ]
    (root / "tasks/x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_models_and_decisions_do_not_depend_on_the_run(tmp_path: Path) -> None:
    root = library(tmp_path / "library")
    sums, decisions = set(), set()
    for number, run in enumerate(RUNS):
        cache = tmp_path / f"cache{number}"
        done = subprocess.run(
            [sys.executable, "-m", "router", "why", TASK, "--json", "--library", root],
            env=os.environ | run | {"ROUTE_CACHE": str(cache)},
            capture_output=True,
            check=False,
        )
        (model,) = cache.glob("*.model")
        sums.add(hashlib.sha256(model.read_bytes()).hexdigest())
        decisions.add((done.returncode, done.stdout))
    assert len(sums) == 1
    assert len(decisions) == 1
    ((_, said),) = decisions
    assert len(json.loads(said)["candidates"]) == len(SUBJECTS)
