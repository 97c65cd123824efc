"""What the package promises as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import router
from router import Router

ROOT = Path(__file__).parent.parent

HEAVY = ("sklearn", "scipy", "numpy", "jinja2", "yaml", "markdown_it", "wordllama", "rich", "typer")

EXPLAINING = (
    "router.decision.explanation",
    "router.model.fields",
    "router.model.sentences",
    "router.decision.flip",
    "router.context.fitting",
    "router.terminal.report",
)
"""What a route that nobody asks about does not even import."""


def test_public_names() -> None:
    assert router.__all__ == [
        "ArtifactError",
        "BudgetError",
        "Candidate",
        "CasesError",
        "CompileError",
        "Context",
        "Decision",
        "Evidence",
        "Fault",
        "LibraryError",
        "Part",
        "Router",
        "RouterError",
        "TaskError",
        "UsageError",
    ]
    assert all(hasattr(router, name) for name in router.__all__)


@pytest.mark.parametrize(
    "code",
    [
        "import router",
        "import router.terminal.cli",
        "import router.__main__; sys.argv = ['route', 'optimize slow queries']\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):\n"
        "    router.__main__.main()",
        "from router import Router; r = Router.load('.', arrays=False); r.assemble(r.route('optimize queries'))",
    ],
)
def test_routing_leaves_heavy_packages_and_explanations_alone(router: Router, code: str) -> None:
    check = f"import contextlib, sys; {code}\nprint(sorted(set({HEAVY + EXPLAINING!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_fast_path_knows_every_command() -> None:
    """A command that it missed would be taken for a task."""
    from typer.main import get_command

    from router.__main__ import COMMANDS
    from router.terminal.commands import app

    assert set(COMMANDS) == set(get_command(app).commands)  # type: ignore[attr-defined]


def test_many_threads_one_router(router: Router) -> None:
    tasks = ["optimize slow queries", "fix the flaky test", "make the page accessible", "add jwt"]
    expected = [router.route(task) for task in tasks]
    wrong: list[str] = []

    def work() -> None:
        fresh = Router(router.model)
        for _ in range(20):
            for task, decision in zip(tasks, expected, strict=True):
                if router.route(task) != decision or fresh.route(task) != decision:
                    wrong.append(task)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("router/**/*.py")), ids=lambda path: path.stem)
def test_only_the_command_line_prints(path: Path) -> None:
    if path.parent.name != "terminal" and path.name not in ("__main__.py", "build.py"):
        for word in ("print(", "sys.exit", "typer", "sys.stdout"):
            assert word not in path.read_text()


def test_the_wheel_routes_with_the_shipped_library(tmp_path: Path) -> None:
    """Unpacked where no checkout is near; the packages it needs are those of this environment."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (tmp_path / "dist").iterdir()
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert "router/shipped/agents/backend-developer.md" in names
    assert "router/py.typed" in names
    assert not any(name.startswith(("tests", "bench")) for name in names)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "router", "optimize slow queries"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    assert "# Prompt: Query Analysis" in done.stdout
    shipped = site / "router/shipped"
    taught = subprocess.run(
        [sys.executable, "-P", "-m", "router", "learn", "x", "--none", "--library", shipped],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert taught.returncode == 2
    assert f"project.yaml of {shipped}\n" in taught.stderr
    assert not (shipped / "tasks/learned.jsonl").exists()
    assert "router/shipped/tasks/tester.jsonl" in names
