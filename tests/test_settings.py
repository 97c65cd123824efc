"""`routing:` of a `project.yaml` is written without a byte of the rest being touched, or not at all."""

from __future__ import annotations

import codecs
import fcntl
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from router import LibraryError, UsageError
from router.library import frontmatter, writing
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.settings import EditError, Saved, read_routing, save_routing, with_routing
from router.library.source import Folder
from router.model.calibration import MAX_CONSTANT, Routing, Slopes

NEW = Routing(0.31, Slopes(-1.5, 1.8, 9.4))
BLOCK = (
    "routing:\n  threshold: 0.31\n  calibration:\n    bias: -1.5\n    score: 1.8\n    lead: 9.4\n"
)
INLINE = "`routing: {threshold: 0.31, calibration: {bias: -1.5, score: 1.8, lead: 9.4}}`"

numbers = st.floats(-MAX_CONSTANT, MAX_CONSTANT)
slopes = st.builds(Slopes, numbers, *[st.floats(0, MAX_CONSTANT)] * 2)
routings = st.builds(Routing, st.floats(0, 1), st.none() | slopes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", BLOCK),
        ("\n", f"\n\n{BLOCK}"),
        ("# ours", f"# ours\n\n{BLOCK[:-1]}"),
        ("---\na: 1\n", f"---\na: 1\n\n{BLOCK}"),
        ("a: 1\n", f"a: 1\n\n{BLOCK}"),
        ("a: 1", f"a: 1\n\n{BLOCK[:-1]}"),
        ("a: 1\n# the end\n", f"a: 1\n# the end\n\n{BLOCK}"),
        # Where an empty line, or any at the end, would be part of the last value.
        ("a: |+\n  text\n", f"a: |+\n  text\n{BLOCK}"),
        ("# ours\na: |+\n  text", f"# ours\n{BLOCK}a: |+\n  text"),
        ("a: 1\n...\n", f"{BLOCK}a: 1\n...\n"),
        ("  a:\n    b: 1\n", "  a:\n    b: 1\n\n" + "".join(f"  {x}\n" for x in BLOCK.splitlines())),
        # Numbers alone, where all are there, in any style and with any comment.
        (
            "routing: {threshold: 0.5, calibration: {bias: 1, score: 2, lead: 3}} # by hand\n",
            "routing: {threshold: 0.31, calibration: {bias: -1.5, score: 1.8, lead: 9.4}} # by hand\n",
        ),
        (
            "routing:\n  calibration: # ours\n    lead: 1.0 # a\n\n    bias:   2\n    score: 3\n  # b\n  threshold: 0\nz: 1\n",
            "routing:\n  calibration: # ours\n    lead: 9.4 # a\n\n    bias:   -1.5\n    score: 1.8\n  # b\n  threshold: 0.31\nz: 1\n",
        ),
        # A block that lacks some, as a whole.
        ("a: 1\nrouting:\n    threshold: 0.5\nz: 1\n", f"a: 1\n{BLOCK}z: 1\n"),
        ("routing:\n  threshold: 0.5\n\n# z\nz: 1", f"{BLOCK}\n# z\nz: 1"),
        ("routing:\n  threshold: 0.5", BLOCK[:-1]),
        ("routing:\nz: 1\n", f"{BLOCK}z: 1\n"),
        ("z: 1\nrouting: ~", f"z: 1\n{BLOCK[:-1]}"),
        ("routing: {}\n", BLOCK),
        ("routing:\n  threshold: 0.31\n  # to be fitted\nz: 1\n", f"{BLOCK}  # to be fitted\nz: 1\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
def test_what_is_written(old: str, new: str, line_break: str, bom: bytes) -> None:
    """The file's first line break is that of the block."""
    new = new.replace("\n", line_break if "\n" in old else "\n")
    data = bom + old.replace("\n", line_break).encode()
    assert with_routing(data, NEW) == bom + new.encode()
    assert with_routing(bom + new.encode(), NEW) == bom + new.encode()


@pytest.mark.parametrize(
    ("data", "line", "cause"),
    [
        (b"{project: {name: x}}\n", 1, "is written in braces"),
        (b"a: 1\nrouting: {threshold: 0.5}\n", 2, "`routing` has comments, or is in one line"),
        (b"routing:\n  # ours\n  threshold: 0.5\n", 1, "`routing` has comments, or is in one line"),
        (b"routing:\n  threshold: 0.5 # ours\n", 1, "`routing` has comments, or is in one line"),
        (b"routing: # ours\n", 1, "`routing` has comments, or is in one line"),
        (b"{routing: {threshold: 0.5}, a: 1}\n", 1, "`routing` has comments, or is in one line"),
        (b"a: |+\n  text\n...\n# the end", 1, None),
        (b"project: [x\n", 1, "is no YAML that can be changed"),
        (b"---\n", 1, "is no YAML that can be changed"),
        (b"- a\n", 1, "is no YAML that can be changed"),
        (b"a: 1\n---\nb: 1\n", 1, "is no YAML that can be changed"),
        (b"\xff", 1, "is no YAML that can be changed"),
    ],
)  # fmt: skip
def test_what_is_left_to_people(data: bytes, line: int, cause: str | None) -> None:
    if cause is None:
        assert with_routing(data, NEW) == BLOCK.encode() + data
        return
    with pytest.raises(EditError) as caught:
        with_routing(data, NEW)
    assert caught.value.line == line
    assert str(caught.value).startswith(cause)
    assert str(caught.value).endswith(f"; write it by hand: {INLINE}")


def test_a_threshold_alone() -> None:
    """Whatever stood there, nothing else is left."""
    alone = Routing(0.5)
    block = b"routing:\n  threshold: 0.5\n"
    assert with_routing(BLOCK.encode(), alone) == block
    assert with_routing(b"routing: {threshold: 1} # x", alone) == b"routing: {threshold: 0.5} # x"
    with pytest.raises(EditError):
        with_routing(f"routing: {{{INLINE.split('{', 1)[1][:-1]}".encode(), alone)


def values(data: bytes) -> dict[str, object] | None:
    """What a `project.yaml` says; None if the library's reader refuses it."""
    text, faults = frontmatter.decode("project.yaml", data)
    found: dict[str, object] = {}
    if text.strip():
        found, more = frontmatter.settings("project.yaml", text)
        faults += more
    return None if any(fault.severity == "error" for fault in faults) else found


PARTS = [
    "a: 1",
    "b:\n  c: [x, y]",
    "d:\n- x\n- y",
    "# a comment",
    "  # another",
    "",
    "  ",
    "e: |\n  text",
    "f: |+\n  text\n\n",
    "g: >-\n  text\n    more # text",
    "h: 'x\n  y'",
    'i: "ä\\u2028"',
    "j: {k: 1,\n  l: 2}",
    "? m\n: n",
    "o: \t1",
    "p: .nan",
    "q: 2020-01-01",
    "r: &s 1",
    "t: 💥 # u",
    "? v\n:\n  w: x",
]
ODD = ["---", "...", "- x", "  x: 1", "%YAML 1.1", "\u2028y: 1", "{z: 1}"]
LINES = st.sampled_from([*PARTS * 4, *ODD])
BLOCKS = st.sampled_from(
    [
        "routing:", "routing: ~", "routing: {}", "routing:\n  threshold: 0.5", "routing: {threshold: 0.5}",
        "routing:\n  threshold: 0.5 # why", "routing:\n# why\n  threshold: 1",
        "routing:\n    calibration: {lead: 1, bias: 1.0, score: 0}\n    threshold: 0.25",
        "'routing':\n  threshold: 0.5", "? routing\n: threshold: 0.5", "routing: &a\n  threshold: 0.5",
    ]
)  # fmt: skip


@given(
    st.lists(LINES, max_size=5, unique=True), st.none() | BLOCKS, st.lists(LINES, max_size=3, unique=True),
    st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans(), routings,
)  # fmt: skip
@example([], "routing:", ["- x"], "\n", False, False, NEW)
@example(["a: 1"], "routing: ~", ["b:"], "\r\n", False, True, NEW)
@settings(max_examples=500, deadline=None)
def test_bytes_outside_of_the_block_stay(
    above: list[str],
    block: str | None,
    below: list[str],
    line_break: str,
    ended: bool,
    marked: bool,
    routing: Routing,
) -> None:
    """Whatever the reader accepts; the parts of the file are those that it was made of."""
    head = "".join(f"{line}\n" for line in above).replace("\n", line_break).encode()
    tail = "".join(f"\n{line}" for line in below) + "\n" * ended
    rest = tail.replace("\n", line_break).encode()
    bom = codecs.BOM_UTF8 * marked
    middle = (block or "").replace("\n", line_break).encode()
    old = bom + head + middle + rest
    before = values(old)
    try:
        new = with_routing(old, routing)
    except EditError:
        event("not YAML" if before is None else "left to people")
        return
    event("written")
    after = values(new)
    assert before is not None
    assert after is not None
    assert read_routing("", frontmatter.decode("", new)[0], after)[0] == routing
    assert repr([x for x in before.items() if x[0] != "routing"]) == repr(
        [x for x in after.items() if x[0] != "routing"]
    )
    if "routing" in before:
        assert new.startswith(bom + head)
        assert new.endswith(rest)
    else:
        added = len(new) - len(old)
        places = [i for i in range(len(old) + 1) if new[:i] + new[i + added :] == old]
        assert places
        assert b"routing:" in new[places[0] : places[0] + added]


@given(routings)
def test_every_setting_is_read_back(routing: Routing) -> None:
    new = with_routing(b"a: 1", routing)
    found = values(new)
    assert found is not None
    assert read_routing("", new.decode(), found) == (routing, ())


@pytest.mark.parametrize(
    ("threshold", "constants"),
    [
        (-0.1, (0, 0, 0)),
        (1.1, (0, 0, 0)),
        (math.nan, (0, 0, 0)),
        (True, (0, 0, 0)),
        ("0.5", (0, 0, 0)),
        (0.5, (math.inf, 0, 0)),
        (0.5, (0, -0.1, 0)),
        (0.5, (0, 0, -0.1)),
        (0.5, (0, 0, 1001)),
        (0.5, (10**400, 0, 0)),
    ],
)
def test_what_is_no_setting(threshold: float, constants: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"^`(threshold|bias|score|lead)` is "):
        Routing(threshold, Slopes(*constants))


@pytest.fixture
def root(library: Callable[[str], Path]) -> Path:
    return library("good")


def reading(root: Path) -> Callable[[], Routing | None]:
    folder = Folder(root)
    return lambda: read_library(folder, snapshot(folder)).routing


def save(root: Path, routing: Routing = NEW) -> Saved:
    return save_routing(root, routing, reading(root))


def test_saving(root: Path) -> None:
    path = root / "project.yaml"
    old = path.read_bytes()
    path.chmod(0o640)
    assert save(root) == Saved(NEW, None, 4)
    assert path.read_bytes() == old + b"\n" + BLOCK.encode()
    assert save(root, Routing(0.5, NEW.calibration)).before == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(root)) == ["agents", "project.yaml", "prompts"]


def test_a_library_without_settings_gets_them(root: Path) -> None:
    """And nothing in it turns into a template by that."""
    (root / "project.yaml").unlink()
    (root / "agents/cook.md").write_text("---\nname: cook\ndescription: Cooks\n---\n{{ soup }}\n")
    assert save(root) == Saved(NEW, None, 1)
    assert (root / "project.yaml").read_text() == BLOCK
    folder = Folder(root)
    found = read_library(folder, snapshot(folder))
    assert found.faults == ()
    assert found.agents[0].text.strip() == "{{ soup }}"


def link(path: Path) -> None:
    path.rename(path.with_name("other.yaml"))
    path.symlink_to("other.yaml")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def braces(path: Path) -> None:
    path.write_text("{project: {name: x}}\n")


def full(path: Path) -> None:
    path.write_text("a: 1\n" + "#\n" * 32_760)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (link, "is a link; put a file in its place"),
        (fifo, "is not a regular file; put one in its place"),
        (folder, "cannot be written: is a directory"),
        (braces, f"is written in braces; write it by hand: {INLINE}"),
        (full, f"cannot be changed without changing what else it says; write it by hand: {INLINE}"),
    ],
)
def test_a_file_that_must_not_be_written(
    root: Path, make: Callable[[Path], None], fault: str
) -> None:
    make(root / "project.yaml")
    before = contents(root)
    with pytest.raises(LibraryError) as caught:
        save(root)
    assert str(caught.value) == f"project.yaml:1: {fault}"
    assert contents(root) == before


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("there", [True, False])
def test_what_does_not_read_back_is_put_back(root: Path, there: bool) -> None:
    if not there:
        (root / "project.yaml").unlink()
    before = contents(root)

    def fail() -> Routing | None:
        assert reading(root)() == NEW
        raise KeyboardInterrupt

    for read_back in (lambda: Routing(0.3), lambda: None):
        with pytest.raises(LibraryError, match="did not read back as it was written"):
            save_routing(root, NEW, read_back)
        assert contents(root) == before
    with pytest.raises(KeyboardInterrupt):
        save_routing(root, NEW, fail)
    assert contents(root) == before


def test_what_an_editor_saves_meanwhile_is_kept(root: Path) -> None:
    path = root / "project.yaml"

    def save_over() -> Routing | None:
        path.write_text("project: {name: Bay}\n")
        return None

    with pytest.raises(LibraryError, match="was changed by another program while it was written"):
        save_routing(root, NEW, save_over)
    assert path.read_text() == "project: {name: Bay}\n"


def test_another_process_that_writes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.05)
    with (root / ".project.yaml.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LibraryError, match=r"project.yaml:1: another process has kept it"):
            save(root)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        save_routing(tmp_path / "nowhere", NEW, lambda: NEW)
