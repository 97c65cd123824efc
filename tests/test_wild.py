"""Files as people have them: `wild/` is one folder of them all, `wild.jsonl` what is made of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.checking.checking import read_only
from router.checking.settings import Settings
from router.errors import Fault
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.formats import FORMATS, OWN
from router.library.source import MAX_FILE_BYTES, Folder

WILD = Path(__file__).parent / "wild"
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in WILD.with_suffix(".jsonl").read_text().splitlines()
]

YAML_CODES = {"R004", "R005", "R006", "R007", "R008", "R010"}
"""What is wrong with front matter alone."""


def read(root: Path) -> tuple[Library, list[Fault]]:
    folder = Folder(root)
    files = snapshot(folder)
    library = read_library(folder, files)
    return library, read_only(library, files, Settings())


@pytest.fixture(scope="module")
def wild() -> tuple[Library, list[Fault]]:
    return read(WILD)


@pytest.mark.parametrize("row", ROWS, ids=[row["path"] for row in ROWS])
def test_every_file_is_read_as_it_should(
    wild: tuple[Library, list[Fault]], row: dict[str, Any]
) -> None:
    library, faults = wild
    agent = next((agent for agent in library.agents if agent.path == row["path"]), None)
    found = (agent.format, agent.id, agent.name) if agent else (None, None, None)
    assert found == (row["format"], row["id"], row["name"])
    said = agent.description if agent else ""
    assert said.startswith(row["description"])
    assert bool(said) is bool(row["description"])
    assert sorted({fault.code for fault in faults if fault.path == row["path"]}) == row["codes"]


def test_the_table_and_the_folder_have_the_same_files() -> None:
    assert len(ROWS) >= 120
    found = {path for path in WILD.rglob("*") if path.is_file() and path.name != ".gitattributes"}
    assert {path.relative_to(WILD).as_posix() for path in found} == {row["path"] for row in ROWS}


def test_every_format_is_among_them() -> None:
    assert {row["format"] for row in ROWS} - {None} == {kind.name for kind in (OWN, *FORMATS)}


def test_nothing_stops_the_others(wild: tuple[Library, list[Fault]]) -> None:
    library, faults = wild
    assert library.errors == ()
    assert len(library.agents) == sum(row["format"] is not None for row in ROWS)
    assert all(fault.code for fault in faults)


def test_well_formed_files_are_all_read_and_faulty_yaml_keeps_its_description() -> None:
    for row in ROWS:
        if row["format"] is None and row["codes"]:
            assert set(row["codes"]) <= {"R002", "R005", "R011", "R020", "R030"}, row
        if set(row["codes"]) & YAML_CODES and row["format"]:
            assert row["description"], row


def big(path: str, data: bytes) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)

    return write


def matter(body: str, description: str = "Bakes bread") -> bytes:
    return f"---\nname: b\ndescription: {description}\n---\n{body}".encode()


def special(kind: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        folder = root / "b"
        folder.mkdir()
        path = folder / "SKILL.md"
        match kind:
            case "symlink loop":
                path.symlink_to("SKILL.md")
                (folder / "round").symlink_to("..")
            case "dangling link":
                path.symlink_to("nowhere.md")
            case "link outside":
                path.symlink_to("/etc/hostname")
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "odd name":
                (folder / "a\nb\u202e").mkdir()
                (folder / "a\nb\u202e/SKILL.md").write_bytes(matter("x"))
            case "no UTF-8 in the name":
                os.mkdir(os.fsencode(folder) + b"/\xff")
                Path(os.fsdecode(os.fsencode(folder) + b"/\xff/SKILL.md")).write_bytes(matter("x"))
            case "deep folder":
                deep = folder.joinpath(*["d"] * 150)
                deep.mkdir(parents=True)
                (deep / "SKILL.md").write_bytes(matter("x"))

    return make


MB = 1_000_000
READ, REFUSED = True, False

HOSTILE = {
    # what it is: how it is made, whether it becomes a route
    "one line of 1 MB": (big("b/SKILL.md", matter("word " * (MB // 5))), READ),
    "description of 1 MB": (big("b/SKILL.md", matter("x", "word " * (MB // 5))), READ),
    "over the limit": (big("b/SKILL.md", b"x" * (MAX_FILE_BYTES + 1)), REFUSED),
    "brackets": (big("b/SKILL.md", matter("x", "[" * 50_000)), READ),
    "aliases": (big("b/SKILL.md", b"---\nname: b\ndescription: Bakes\n" + b"".join(b"k%d: &k%d [%s]\n" % (n, n, b", ".join([b"*k%d" % (n - 1)] * 9) if n else b"x") for n in range(200)) + b"---\n"), READ),
    "10,000 keys": (big("b/SKILL.md", b"---\nname: b\ndescription: Bakes\n" + b"".join(b"k%d: v\n" % n for n in range(10_000)) + b"---\nx"), READ),
    "one key 50,000 times": (big("b/SKILL.md", b"---\nname: b\ndescription: Bakes\n" + b"k: v: w\n" * 50_000 + b"---\nx"), REFUSED),
    "images": (big("b/SKILL.md", matter("![" * 400_000)), READ),
    "nested quotes": (big("b/SKILL.md", matter("> " * 400_000 + "x")), READ),
    "nested lists": (big("b/SKILL.md", matter("\n".join(" " * n + "- x" for n in range(1_000)))), READ),
    "fences": (big("b/SKILL.md", matter("```\n" * 100_001)), REFUSED),
    "comments": (big("b/SKILL.md", b"<!--" * 200_000), READ),
    "dashes": (big("b/SKILL.md", b"---\n" * 200_000), REFUSED),
    "blank lines": (big("b/SKILL.md", b"\n" * 900_000 + b"x"), REFUSED),
    "as many lines as may be": (big("b/SKILL.md", matter("# \n" * 19_990)), READ),
    "empty lines between": (big("b/SKILL.md", matter("x" + "\n" * 19_980 + "x")), READ),
    "spaces": (big("b/SKILL.md", b"---" + b" " * 900_000 + b"x"), READ),
    "open examples": (big("b/SKILL.md", matter("x", "Bakes: " + "<example>user: hi " * 40_000)), READ),
    "stars": (big("b/SKILL.md", matter("**" * 400_000)), READ),
    "links": (big("b/SKILL.md", matter("[a](b.md) " * 90_000)), READ),
    "open links": (big("b/SKILL.md", matter("[a](" * 200_000)), READ),
    "TOML brackets": (big(".codex/agents/b.toml", b"a = " + b"[" * 100_000), REFUSED),
    "TOML of 100,000 keys": (big(".codex/agents/b.toml", b"name = 'b'\ndescription = 'Bakes'\n" + b"".join(b"k%d = 1\n" % n for n in range(100_000))), REFUSED),
    "TOML with a huge number": (big(".codex/agents/b.toml", b"a = " + b"9" * 10_000), REFUSED),
    "no bytes of text": (big("b/SKILL.md", bytes(range(256)) * 1_000), REFUSED),
    "symlink loop": (special("symlink loop"), REFUSED),
    "dangling link": (special("dangling link"), REFUSED),
    "link outside": (special("link outside"), REFUSED),
    "pipe": (special("pipe"), REFUSED),
    "folder": (special("folder"), REFUSED),
    "odd name": (special("odd name"), REFUSED),
    "no UTF-8 in the name": (special("no UTF-8 in the name"), REFUSED),
    "deep folder": (special("deep folder"), READ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_file_crashes_hangs_or_blocks_the_others(tmp_path: Path, kind: str) -> None:
    make, routed = HOSTILE[kind]
    big("good/SKILL.md", b"---\nname: good\ndescription: Knits socks\n---\nKnit.\n")(tmp_path)
    make(tmp_path)
    started = time.process_time()
    library, faults = read(tmp_path)
    assert time.process_time() - started < 5
    assert [agent.id for agent in library.agents if agent.id == "good"] == ["good"]
    assert len(library.agents) == 1 + routed
    assert library.errors == ()
    if not routed and kind not in ("folder",):
        assert any(fault.severity == "warning" for fault in faults)


def test_the_bench_reads_libraries_and_says_what_became_of_their_files(tmp_path: Path) -> None:
    big("well/skills/a/SKILL.md", b"---\nname: a\ndescription: Bakes bread\n---\nBake.\n")(tmp_path)
    big("odd/.claude/agents/b.md", b"---\nname: b\ndescription: Bakes: bread\n---\nBake.\n")(
        tmp_path
    )
    big("odd/.claude/agents/c.md", b"")(tmp_path)
    bench = [sys.executable, str(WILD.parent.parent / "bench/wild.py")]
    done = subprocess.run(
        [*bench, str(tmp_path), "--json"], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    numbers = ("files", "read", "recovered", "pages", "routes", "refused", "lost")
    assert {name: [row[key] for key in numbers] for name, row in told.items()} == {
        "odd": [2, 1, 1, 0, 1, {"R020": 1}, []],
        "well": [1, 1, 0, 0, 1, {}, []],
    }
    done = subprocess.run(
        [*bench, "--synthetic", "400"], capture_output=True, text=True, check=True
    )
    said, among = re.search(r"read as they should be: (\d+) of (\d+)", done.stdout).groups()  # type: ignore[union-attr]
    assert said == among
    assert int(said) > 300


def test_a_copy_elsewhere_reads_the_same(tmp_path: Path, wild: tuple[Library, list[Fault]]) -> None:
    root = Path(shutil.copytree(WILD, tmp_path / "copy"))
    library, faults = read(root)
    assert (library.agents, faults) == (wild[0].agents, wild[1])
