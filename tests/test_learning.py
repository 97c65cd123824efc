"""Learning appends a line to a library's own file; whatever happens, nothing that was there is lost."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import LibraryError, Router, TaskError, UsageError
from router.library import learning, writing
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.learning import Lesson
from router.library.source import MAX_FILE_BYTES, Folder
from router.library.tasks import check_task, format_row

ROOT = Path(__file__).parent.parent
ROUTES = ("deployer/deploys", "cook/soup")
FILE = "tasks/learned.jsonl"
ROW = b'{"task": "ship it", "expect": "deployer/deploys"}\n'


@pytest.fixture
def root(library: Callable[[str], Path]) -> Path:
    return library("good")


def learn(root: Path, task: str = "ship it", route: str | None = "deployer/deploys") -> Lesson:
    return learning.learn(root, task, route, ROUTES)


def read(root: Path) -> Library:
    folder = Folder(root)
    return read_library(folder, snapshot(folder))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (None, ROW, 1),
        (b"", ROW, 1),
        (b"\n", b"\n" + ROW, 2),
        (b'{"task": "soup", "expect": null}', b'{"task": "soup", "expect": null}\n' + ROW, 2),
        (b'{"task": "soup", "expect": null}\n\n', b'{"task": "soup", "expect": null}\n\n' + ROW, 3),
        (b'{"task": "a", "expect": null}\r\n', b'{"task": "a", "expect": null}\r\n' + ROW, 2),
        (b'{"task": "a", "expect": null}\r', b'{"task": "a", "expect": null}\r\n' + ROW, 2),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbf\n" + ROW, 2),
        (b"my notes\n\0\xff \xe2\x80\xa8", b"my notes\n\0\xff \xe2\x80\xa8\n" + ROW, 3),
    ],
    ids=["no file", "empty", "blank", "cut", "ended twice", "CRLF", "CR", "BOM", "no tasks"],
)
def test_a_line_is_added_to_whatever_is_there(
    root: Path, old: bytes | None, new: bytes, line: int
) -> None:
    path = root / FILE
    if old is not None:
        path.parent.mkdir()
        path.write_bytes(old)
    lesson = learn(root)
    assert path.read_bytes() == new
    assert lesson.labelled.source == f"{FILE}:{line}"
    assert lesson.labelled in read(root).tasks
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("before", "route", "known", "instead_of"),
    [
        ([], "deployer/deploys", False, None),
        ([("learned", "deployer/deploys")], "deployer/deploys", True, None),
        ([("learned", None)], None, True, None),
        ([("learned", None)], "deployer/deploys", False, "none (tasks/learned.jsonl:1)"),
        ([("learned", "cook/soup")], None, False, "cook/soup (tasks/learned.jsonl:1)"),
        (
            [("learned", "deployer/deploys"), ("learned", None)],
            "deployer/deploys",
            False,
            "none (tasks/learned.jsonl:2)",
        ),
        ([("zoo", "deployer/deploys")], "deployer/deploys", True, None),
        ([("zoo", None)], "deployer/deploys", False, "none (tasks/zoo.jsonl:1)"),
        ([("learned", "baker/bread")], "deployer/deploys", False, None),
    ],
)
def test_a_task_that_has_a_label(
    root: Path,
    before: list[tuple[str, str | None]],
    route: str | None,
    known: bool,
    instead_of: str | None,
) -> None:
    """The same one is not written twice, another one is overridden and named."""
    (root / "tasks").mkdir()
    for stem, label in before:
        with (root / f"tasks/{stem}.jsonl").open("ab") as file:
            file.write(format_row("ship it", label))
    files = {path: path.read_bytes() for path in (root / "tasks").iterdir()}
    lesson = learn(root, route=route)
    other = lesson.instead_of
    assert lesson.known == known
    assert (other and f"{other.label} ({other.source})") == instead_of
    assert lesson.labelled.expect == (() if route is None else (route,))
    if known:
        assert files == {path: path.read_bytes() for path in (root / "tasks").iterdir()}
    else:
        assert (root / FILE).read_bytes().endswith(format_row("ship it", route))
    assert json.loads(json.dumps(lesson.to_dict()))["known"] == known


@pytest.mark.parametrize(
    ("task", "route", "error", "message"),
    [
        ("", None, TaskError, "task:1: is empty; say what is to be done"),
        (" \n\u2028", None, TaskError, "task:1: is empty"),
        ("a\nb\0", None, TaskError, "task:2: contains a NUL byte; remove it"),
        ("\ud800", None, TaskError, "task:1: is not valid Unicode text"),
        ("x" * 32_769, None, TaskError, "task:1: has 32769 bytes; the limit is 32768"),
        ("x", "cook/soups", UsageError, "route: no route `cook/soups`; did you mean `cook/soup`?"),
        ("x", "", UsageError, "route: no route ``; see `route rules`"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned(
    root: Path, task: str, route: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        learn(root, task, route)
    assert str(caught.value).startswith(message)
    assert not (root / "tasks").exists()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        learn(tmp_path / "nowhere")


def link_elsewhere(path: Path) -> None:
    path.parent.mkdir()
    target = path.parent.parent.parent / "mine.txt"
    target.write_text("mine\n")
    path.symlink_to(target)


def link_inside(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("../agents/deployer.md")


def linked_folder(path: Path) -> None:
    path.parent.symlink_to("agents")


def fifo(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def no_folder(path: Path) -> None:
    path.parent.write_text("mine\n")


def full(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\n" * (MAX_FILE_BYTES - len(ROW) + 1))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (link_elsewhere, "1: is a link; put a file in its place"),
        (link_inside, "1: is a link; put a file in its place"),
        (linked_folder, "1: `tasks` is a link; make it a folder of the library"),
        (fifo, "1: is not a regular file; put one in its place"),
        (folder, "1: cannot be written: is a directory"),
        (no_folder, "1: cannot be written: not a directory"),
        (full, f"{MAX_FILE_BYTES - len(ROW) + 2}: is full (1 MB); move lines of it to another file in tasks/"),
    ],
)  # fmt: skip
def test_a_file_that_must_not_be_written(
    root: Path, make: Callable[[Path], None], fault: str
) -> None:
    make(root / FILE)
    before = contents(root.parent)
    with pytest.raises(LibraryError) as caught:
        learn(root)
    assert str(caught.value) == f"{FILE}:{fault}"
    assert contents(root.parent) == before


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_mode_stays(root: Path) -> None:
    path = root / FILE
    learn(root)
    path.chmod(0o640)
    learn(root, "ship it again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_without_files_relative_to_a_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(os, "supports_dir_fd", set())
    learn(root, "soup", None)
    assert learn(root).labelled.line == 2
    assert os.listdir(root / "tasks") == ["learned.jsonl"]


def test_a_file_of_several_names_is_left_to_the_others(root: Path) -> None:
    """As an editor does: the other name keeps what it had."""
    learn(root)
    os.link(root / FILE, root / "backup")
    learn(root, "ship it again")
    assert (root / "backup").read_bytes() == ROW


def test_a_process_that_learns_at_the_same_time(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.05)
    learn(root)
    with (root / "tasks/.learned.jsonl.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LibraryError, match=r"learned.jsonl:1: another process has kept it for"):
            learn(root, "ship it again")
    assert (root / FILE).read_bytes() == ROW
    learn(root, "ship it again")  # the other one has ended, its lock file still lies there


def test_many_processes_lose_no_line(root: Path) -> None:
    code = (
        "import sys; from router.library.learning import learn\n"
        "for n in range(10):\n"
        "    learn(sys.argv[1], f'task {n} of {sys.argv[2]}', 'cook/soup', ['cook/soup'])\n"
    )
    command = [sys.executable, "-c", code, str(root)]
    running = [
        subprocess.Popen([*command, str(n)], cwd=ROOT, stderr=subprocess.PIPE) for n in range(8)
    ]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert errors == [b""] * 8
    rows = [json.loads(line) for line in (root / FILE).read_text().splitlines()]
    assert {row["task"] for row in rows} == {
        f"task {n} of {m}" for n in range(10) for m in range(8)
    }
    assert len(rows) == 80
    assert os.listdir(root / "tasks") == ["learned.jsonl"]


def test_many_threads_lose_no_line(root: Path) -> None:
    threads = [threading.Thread(target=learn, args=(root, f"task {n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.task for row in read(root).tasks) == [f"task {n}" for n in range(8)]


def test_what_an_editor_saves_meanwhile_is_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor knows of no lock: its file is read again."""
    learn(root, "soup", None)
    edits = [b'{"task": "bread", "expect": null}\n', b"# two\n"]
    sync = os.fsync

    def save(handle: int) -> None:
        sync(handle)
        if edits:
            (root / FILE).write_bytes(edits.pop(0))

    monkeypatch.setattr(os, "fsync", save)
    assert learn(root).labelled.line == 2
    assert (root / FILE).read_bytes() == b"# two\n" + ROW


CALLS = ("open", "fsync", "fchmod", "stat", "fstat", "unlink", "replace", "mkdir", "close")
"""Everything by which learning changes a disk, and some more."""


def test_every_system_call_that_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, say: one of our own errors or no error at all, and no line lost."""
    learn(root, "soup", None)
    old = (root / FILE).read_bytes()
    left = 0

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def fail(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                if call is close:
                    call(*arguments, **options)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return fail

    close = os.close
    outcomes = []
    for number in range(1, 100):
        left = number
        with monkeypatch.context() as patched:
            for name in CALLS:
                patched.setattr(os, name, failing(getattr(os, name)))
            try:
                learn(root)
                outcomes.append("learned")
            except (LibraryError, UsageError) as error:
                outcomes.append(str(error))
        data = (root / FILE).read_bytes()
        assert data in (old, old + ROW)
        assert outcomes[-1] != "learned" or data == old + ROW
        assert set(os.listdir(root / "tasks")) <= {
            "learned.jsonl", ".learned.jsonl.lock", ".learned.jsonl.new",
        }  # fmt: skip
        (root / FILE).write_bytes(old)
        if left > 0:
            break
    assert len(outcomes) > 20
    assert f"{FILE}:1: cannot be written: no space left on device" in outcomes
    assert learn(root).labelled.line == 2
    assert os.listdir(root / "tasks") == ["learned.jsonl"]


KILLED = """
import os, signal, sys
from router.library import learning

def dying(call):
    def die(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return die

root, *names = sys.argv[1:]
for left in range(1, 100):
    if not (child := os.fork()):
        for name in names:
            setattr(os, name, dying(getattr(os, name)))
        learning.learn(root, f"task {left}", None, ())
        os._exit(0)
    killed = os.waitpid(child, 0)[1] != 0
    data = open(f"{root}/tasks/learned.jsonl", "rb").read()
    assert data.endswith(b"\\n") and data.startswith(b'{"task": "soup"'), data
    print(left, killed, data.count(b"\\n"))
    if not killed:
        break
"""


def test_a_writer_that_is_killed_anywhere(root: Path) -> None:
    """What was learned before is there, the new line whole or not at all, and the next one learns."""
    learn(root, "soup", None)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, root, *CALLS],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) > 20
    assert rows[-1][1] == "False"
    learned = [int(count) for *_, count in rows]
    assert learned == sorted(learned)
    library = read(root)
    assert library.faults == ()
    assert len(library.tasks) == learned[-1]
    assert os.listdir(root / "tasks") == ["learned.jsonl"]


@given(tasks=st.lists(st.text(), max_size=5))
@settings(deadline=None)
def test_what_is_learned_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, tasks: list[str]
) -> None:
    root = tmp_path_factory.mktemp("library")
    learned = []
    for task in tasks:
        try:
            check_task(task)
        except TaskError:
            continue
        learn(root, task, None)
        learned.append(task)
    assert [row.task for row in read(root).tasks] == list(dict.fromkeys(learned))


def test_the_next_compile_uses_it(library: Callable[[str], Path]) -> None:
    """A task of words that no rule has goes where it was taught to go, and a correction wins."""
    root = library("loop")
    task = "the zorgle\nflumps\u2028again"
    router = Router.load(root)
    routes = [route.id for route in router.routes]
    assert router.route(task).abstained
    before = snapshot(Folder(root)).digest
    learning.learn(root, task, "cook/main", routes)
    assert snapshot(Folder(root)).digest != before
    assert Router.load(root).route(task).matches[0].route == "cook/main"
    assert Router.load(root).route(task, recall=False).outcome != "taught"
    learning.learn(root, task, "pilot/towing-ships", routes)
    assert Router.load(root).route(task).matches[0].route == "pilot/towing-ships"
    learning.learn(root, task, None, routes)
    decision = Router.load(root).route(task)
    assert (decision.outcome, decision.abstained) == ("taught", True)
