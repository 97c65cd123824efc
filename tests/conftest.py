"""Fixtures: libraries as folders under `libraries/`, and the command line as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from router import Router
from router.compiler.encoder import StaticEncoder, load_encoder

ROOT = Path(__file__).parent.parent
LIBRARIES = Path(__file__).parent / "libraries"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this test run's own, also for its workers and the processes that it starts."""
    base = tmp_path_factory.getbasetemp()
    # Workers have a folder each below that of the run.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["ROUTE_CACHE"] = str(folder)
    os.environ.pop("ROUTE_LIBRARY", None)
    return folder


@pytest.fixture(scope="session")
def router(cache: Path) -> Router:
    """The router of the shipped library."""
    return Router.load(ROOT)


@pytest.fixture(scope="session")
def encoder() -> StaticEncoder:
    """The default encoder."""
    found = load_encoder()
    assert found is not None
    return found


@pytest.fixture
def library(tmp_path: Path) -> Callable[[str], Path]:
    """Copies a library of `libraries/` to where a test may change it."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(LIBRARIES / name, tmp_path / name))

    return copy


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What a command says on stderr, but that it compiles: only a slow machine is told so."""
    lines = done.stderr.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("compiling "))


@pytest.fixture
def run() -> Run:
    """Runs `route` with arguments as a user would."""

    def run(
        *arguments: object, cwd: Path = ROOT, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "router", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            text=True,
            encoding="utf-8",
            capture_output=True,
            timeout=120,
            check=False,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )

    return run


@pytest.fixture
def crew(library: Callable[[str], Path]) -> Path:
    """The library `crew` and its cases, committed to a repository of its own."""
    root = library("crew")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "First")
    return root


def git(root: Path, *arguments: str) -> str:
    """What git says, without the settings of whoever runs the tests."""
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "Crew", f"GIT_{role}_EMAIL": "crew@example.org"}
    return subprocess.run(
        ["git", *arguments], cwd=root, env=os.environ | who, text=True, capture_output=True,
        check=True,
    ).stdout  # fmt: skip
