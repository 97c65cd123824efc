"""The workflow and the hooks of docs/continuous-integration.md do what is said of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT, git

from router.evaluation.gates import FILE, read_gates
from router.evaluation.promptfoo import call_api

TEXT = (ROOT / "docs/continuous-integration.md").read_text()
PASSED, FAULT = 0, 1


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.M | re.S)


def documented(key: str) -> Any:
    """The YAML block that has this key."""
    (found,) = [said for said in map(yaml.safe_load, blocks("yaml")) if key in said]
    return found


@pytest.fixture
def worse(crew: Path) -> Path:
    """A branch of `crew`, beside its `origin/main`, whose two rules have changed places."""
    git(crew, "update-ref", "refs/remotes/origin/main", "main")
    git(crew, "switch", "-qc", "worse")
    file = crew / "agents/deployer.md"
    ship, watch = re.findall(r"^\*\*When\*\*.*$", text := file.read_text(), re.M)
    file.write_text(text.replace(ship, "@").replace(watch, ship).replace("@", watch))
    return crew


def ran(root: Path, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script in `root`, as the shell of a workflow's step runs it; `whenuse` is this tree's."""
    folder.mkdir(exist_ok=True)
    command = folder / "whenuse"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m router "$@"\n')
    command.chmod(0o755)
    search = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=root, env=os.environ | search | {"GITHUB_BASE_REF": "main"},
        text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_the_workflow(worse: Path, tmp_path: Path) -> None:
    workflow = documented("jobs")
    steps = workflow["jobs"]["evaluate"]["steps"]
    install, script = [step["run"] for step in steps if "run" in step]
    assert install == "pip install whenuse"
    for status, tests in [(FAULT, "5"), (PASSED, "4")]:
        done = ran(worse, script, tmp_path / "bin")
        assert done.returncode == status, done.stderr
        assert ("gate: 2 tasks are worse" in done.stderr) == bool(status)
        (suite,) = ElementTree.parse(worse / "junit.xml").getroot()
        assert suite.get("tests") == tests
        assert 'id="changes"' in (worse / "routing.html").read_text()
        git(worse, "checkout", "-q", "agents")
    kept = steps[-1]["with"]["path"].split()
    assert all((worse / name).is_file() for name in kept)


def test_the_hook_of_pre_commit(worse: Path, tmp_path: Path) -> None:
    ((hook,),) = [repo["hooks"] for repo in documented("repos")["repos"]]
    for path, watched in [
        ("agents/a.md", True),
        ("project.yaml", True),
        ("tests/tasks.jsonl", True),
        ("README.md", False),
        ("docs/agents/a.md", False),
    ]:
        assert bool(re.search(hook["files"], path)) == watched
    assert ran(worse, hook["entry"], tmp_path / "bin").returncode == FAULT
    git(worse, "commit", "-qam", "Swap")
    assert ran(worse, hook["entry"], tmp_path / "bin").returncode == PASSED


def test_the_hook_of_git(worse: Path, tmp_path: Path) -> None:
    """Started by git itself, from a folder below, as it tells hooks of a repository."""
    script, _ = blocks("sh")
    hook = worse / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(script)
    hook.chmod(0o755)
    commit = "git -c user.name=C -c user.email=c@example.org commit -qam Swap"
    done = ran(worse / "prompts", commit, tmp_path / "bin")
    assert done.returncode == FAULT
    assert "gate: 2 tasks are worse; at most 0 may be\n" in done.stderr
    (worse / "agents/deployer.md").write_text(git(worse, "show", "main:agents/deployer.md") + "\n")
    assert ran(worse / "prompts", commit, tmp_path / "bin").returncode == PASSED


def test_the_gates(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / FILE).write_text(text)
    bounds = read_gates(str(tmp_path)).bounds
    said = tomllib.loads(text)["eval"]
    assert {gate.name: gate.bound for gate in bounds} == said["min"] | said["max"]


def test_the_plugin_of_pytest(crew: Path, tmp_path: Path) -> None:
    _, script = blocks("sh")
    plugin = script.replace(
        "pytest ", f"{sys.executable} -m pytest -p router.evaluation.pytest_plugin "
    )
    done = ran(crew, f"export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1\n{plugin}", tmp_path / "bin")
    assert "4 passed" in done.stdout


def test_promptfoo() -> None:
    config = documented("providers")
    (provider,) = config["providers"]
    for test in config["tests"]:
        prompt = config["prompts"][0].replace("{{task}}", test["vars"]["task"])
        said = call_api(
            prompt, {"config": {"library": str(ROOT / provider["config"]["library"])}}, {}
        )
        assert said["output"] == test["assert"][0]["value"]
