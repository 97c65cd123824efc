"""`route init` and `route new`: what they write compiles at once, and replaces nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Run

from router import LibraryError, Router
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.source import Folder
from router.library.starting import add, start

WRITTEN = (
    "agents/developer.md",
    "agents/writer.md",
    "cases.yaml",
    "project.yaml",
    "prompts/bug-fixing.md",
    "prompts/feature-work.md",
    "prompts/how-to-guides.md",
    "prompts/plain-words.md",
    "prompts/release-notes.md",
)


def read(root: Path) -> Library:
    folder = Folder(root)
    return read_library(folder, snapshot(folder))


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "deep" / "library"
    assert start(root) == WRITTEN
    return root


def test_a_first_library_is_without_fault(root: Path) -> None:
    library = read(root)
    assert library.faults == ()
    assert tuple(files(root)) == WRITTEN
    assert [route.id for route in library.routes] == [
        "developer/new-features",
        "developer/bug-fixing",
        "writer/release-notes",
        "writer/how-to-guides",
    ]


def test_its_comments_are_for_people_alone(root: Path) -> None:
    assert "{#" in (root / "agents/developer.md").read_text()
    router = Router.load(root)
    decision = router.route("checkout shows an error")
    assert [match.route for match in decision.matches] == ["developer/bug-fixing"]
    text = router.assemble(decision).text
    assert "{#" not in text
    assert "Plain Words" in text
    assert "for you" not in text


def test_a_folder_that_has_other_files_is_fine(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    start(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_what_is_there_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("project: {name: Mine}\n")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/writer.md").symlink_to(tmp_path / "nowhere")
    before = files(tmp_path)
    with pytest.raises(LibraryError) as caught:
        start(tmp_path)
    assert [(fault.path, fault.message) for fault in caught.value.faults] == [
        ("agents/writer.md", "is there already, and is not replaced; nothing was written"),
        ("project.yaml", "is there already, and is not replaced; nothing was written"),
    ]
    assert files(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be made: not a directory"):
        start(tmp_path / "file" / "library")


NAMES = [
    ("agent", "data-engineer", ["agents/data-engineer.md", "prompts/data-engineer.md"], "Data Engineer"),
    ("agent", "Data Engineer", ["agents/data-engineer.md", "prompts/data-engineer.md"], "Data Engineer"),
    ("agent", "C++ & Rust", ["agents/c-rust.md", "prompts/c-rust.md"], "C++ & Rust"),
    ("agent", "true", ["agents/true.md", "prompts/true.md"], "True"),
    ("agent", "NAME TITLE", ["agents/name-title.md", "prompts/name-title.md"], "NAME TITLE"),
    ("prompt", "SQL Style", ["prompts/sql-style.md"], "SQL Style"),
    ("prompt", "bücher", ["prompts/bücher.md"], "Bücher"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "written", "title"), NAMES)
def test_a_new_file_has_the_right_form(
    root: Path, kind: str, name: str, written: list[str], title: str
) -> None:
    assert list(add(root, kind, name)) == written
    library = read(root)
    assert library.faults == ()
    assert title in [prompt.title for prompt in library.prompts]
    if kind == "agent":
        stem = Path(written[0]).stem
        (route,) = [route for route in library.routes if route.agent.id == stem]
        assert [link.path for link in route.rule.use] == [written[1]]


@pytest.mark.parametrize(
    "name", ["", " ", "../up", "a/b", "-x", "a\nb", "a: b", '"', "#", "x" * 81, "{{ x }}", "`x`"]
)
def test_what_is_no_name_is_refused(root: Path, name: str) -> None:
    before = files(root)
    with pytest.raises(ValueError, match="is no name; letters, digits and spaces make one"):
        add(root, "agent", name)
    assert files(root) == before


def test_a_file_of_that_name_stays(root: Path) -> None:
    add(root, "prompt", "Data Engineer")
    (root / "prompts/data-engineer.md").write_text("---\ntitle: Mine\n---\nmine\n")
    assert add(root, "agent", "Data Engineer") == ("agents/data-engineer.md",)
    before = files(root)
    for kind in ("agent", "prompt"):
        with pytest.raises(LibraryError, match=f"{kind}s/data-engineer.md:1: is there already"):
            add(root, kind, "Data Engineer")
    assert files(root) == before


def test_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for path in (root / "prompts").iterdir():
        path.unlink()
    (root / "prompts").rmdir()
    (root / "prompts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LibraryError, match="`prompts` is a link"):
        add(root, "prompt", "style")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_from_nothing_to_an_evaluation(run: Run, tmp_path: Path) -> None:
    made = run("init", tmp_path / "mine")
    assert made.returncode == 0
    assert made.stdout.splitlines() == [f"{tmp_path / 'mine' / path}" for path in WRITTEN]
    assert f"cd {tmp_path / 'mine'} && route" in made.stderr
    added = run("new", "agent", "Data", "Engineer", "--library", tmp_path / "mine")
    assert added.returncode == 0
    assert run("compile", "--library", tmp_path / "mine").returncode == 0
    assert run("checkout shows an error", "--library", tmp_path / "mine").returncode == 0
    judged = run("eval", tmp_path / "mine/cases.yaml", "--library", tmp_path / "mine")
    assert judged.returncode == 0, judged.stderr
    again = run("init", tmp_path / "mine")
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == len(WRITTEN)


def test_the_shipped_library_is_not_added_to(run: Run, tmp_path: Path) -> None:
    done = run("new", "agent", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert "`route init DIR` makes one of your own" in done.stderr
    assert not any(tmp_path.iterdir())
