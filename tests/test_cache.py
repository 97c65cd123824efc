"""A model is compiled when its library changes, kept otherwise, and its loss costs only time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from router import CompileError, LibraryError, Router, UsageError
from router.compiler import cache as router_cache
from router.compiler import process

TASK = "shipping a release"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROUTE_CACHE", str(folder))
    return folder


def models(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.model"))


def test_an_unchanged_library_is_compiled_once(
    library: Callable[[str], Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = library("good")
    first = Router.load(root).route(TASK)
    monkeypatch.setattr(router_cache, "_compile", None)
    assert Router.load(root).route(TASK) == first
    assert len(models(own_cache)) == 1


def test_any_change_is_noticed_also_with_the_old_time(
    library: Callable[[str], Path], own_cache: Path
) -> None:
    root = library("good")
    Router.load(root)
    prompt = root / "prompts/ship.md"
    status = prompt.stat()
    prompt.write_text(prompt.read_text().replace("roll", "sail"))
    os.utime(prompt, ns=(status.st_atime_ns, status.st_mtime_ns))
    router = Router.load(root)
    assert "sail out" in router.assemble(router.route(TASK)).text
    assert len(models(own_cache)) == 2


def test_a_prompt_that_appears_elsewhere_is_noticed(library: Callable[[str], Path]) -> None:
    root = library("good")
    agent = root / "agents/deployer.md"
    agent.write_text(agent.read_text().replace("../prompts/ship.md", "../extra/ship.md"))
    router = Router.load(root)
    assert router.assemble(router.route(TASK)).missing
    (root / "extra").mkdir()
    (root / "prompts/ship.md").rename(root / "extra/ship.md")
    router = Router.load(root)
    assert not router.assemble(router.route(TASK)).missing


def test_the_same_library_gives_the_same_bytes(
    library: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = library("loop")
    found = []
    for threads, seed in (("1", "1"), ("2", "2")):
        folder = tmp_path / f"cache-{seed}"
        monkeypatch.setenv("ROUTE_CACHE", str(folder))
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        Router.load(root)
        found.append([path.read_bytes() for path in folder.glob("*.model")])
    assert found[0] == found[1]


def test_a_flipped_bit_is_noticed_and_mended(
    library: Callable[[str], Path], own_cache: Path
) -> None:
    root = library("good")
    before = Router.load(root).route(TASK)
    (path,) = own_cache.glob("*.model")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    heard: list[str] = []
    assert Router.load(root, notify=heard.append).route(TASK) == before
    assert "damaged (its SHA-256 does not match)" in heard[0]
    assert heard[0].endswith("compiling anew")


def test_a_cache_that_cannot_be_written(
    library: Callable[[str], Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cache.write_text("a file where the folder should be")
    heard: list[str] = []
    router = Router.load(library("good"), notify=heard.append)
    assert router.route(TASK).candidates[0].route == "deployer/deploys"
    (line,) = [line for line in heard if line.startswith("cache: ")]
    assert line.endswith("; compiled for this run only (set ROUTE_CACHE)")
    assert str(own_cache) in line


def test_a_broken_library_leaves_the_old_router_serving(library: Callable[[str], Path]) -> None:
    root = library("good")
    router = Router.load(root)
    agent = root / "agents/deployer.md"
    agent.write_text(agent.read_text() + "{% for %}\n")
    with pytest.raises(LibraryError) as caught:
        Router.load(root)
    assert str(caught.value.faults[0]).startswith("agents/deployer.md:11: template: ")
    assert router.route(TASK).candidates[0].route == "deployer/deploys"


def test_three_broken_files_are_reported_in_one_run(library: Callable[[str], Path]) -> None:
    with pytest.raises(LibraryError) as caught:
        Router.load(library("three-broken"))
    assert [fault.path for fault in caught.value.faults] == [
        "agents/deployer.md",
        "agents/tester.md",
        "agents/writer.md",
    ]


def test_warnings_are_told_when_compiling(library: Callable[[str], Path]) -> None:
    heard: list[str] = []
    Router.load(library("missing-prompt"), notify=heard.append)
    assert any("prompt `prompts/shop.md` does not exist" in line for line in heard)


def test_a_slow_compile_is_announced(
    library: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE_SECONDS", 0.01)
    heard: list[str] = []
    root = library("good")
    Router.load(root, notify=heard.append)
    assert heard == [f"compiling {root} (first use, or it has changed) …"]


def test_a_compile_that_never_ends_is_stopped(
    library: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(process, "DEADLINE_SECONDS", 0.05)
    with pytest.raises(CompileError, match=r"took over 0 s and was stopped"):
        Router.load(library("good"))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        Router.load(tmp_path / "nowhere")


def test_old_models_are_pruned(
    library: Callable[[str], Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router_cache, "KEPT", 2)
    own_cache.mkdir()
    for age in range(5):
        old = own_cache / f"{age:040d}.model"
        old.write_text("")
        os.utime(old, (age, age))
    (own_cache / "mine.model").write_text("somebody's own file")
    Router.load(library("good"))
    assert len(models(own_cache)) == 3
    assert "mine.model" in models(own_cache)
    assert f"{4:040d}.model" in models(own_cache)


def test_two_compiles_at_once(library: Callable[[str], Path], own_cache: Path) -> None:
    root = library("good")
    routes: list[str] = []

    def work() -> None:
        routes.append(Router.load(root).route(TASK).candidates[0].route)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert routes == ["deployer/deploys"] * 3
    assert len(models(own_cache)) == 1


def test_without_the_second_table_of_vectors_the_router_says_so(
    library: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine without the package: one whose files are not there."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: "
        "None if name == 'wordllama' else find(name, *rest)\n"
    )
    monkeypatch.setattr(process, "PACKAGE_FOLDER", f"{hidden}{os.pathsep}{process.PACKAGE_FOLDER}")
    router = Router.load(library("good"))
    assert router.model.encoder == "whenuse"
    assert router.notices == (
        "the wordllama package is not installed: meanings are judged less well",
    )
    assert router.route(TASK).candidates[0].route == "deployer/deploys"
