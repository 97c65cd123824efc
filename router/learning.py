"""A labelled task into a library's own files, where the next compile finds it.

Nothing that is there is ever lost: the file is replaced whole or not at all, what was in it stays
its beginning, and processes that learn at once take turns.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from router.errors import Fault, LibraryError, UsageError
from router.records import LabelledTask
from router.source import MAX_FILE_BYTES, Folder, SourceFile, UnreadableError, snapshot
from router.tasks import LEARNED, check_task, format_row, no_route, read_tasks, split_lines

WAIT_SECONDS = 10.0
"""For other processes that learn; each takes a few hundredths of a second."""

ATTEMPTS = 10
"""At a file that an editor, which knows of no lock, saves while it is being replaced."""

_FOLDER, _NAME = LEARNED.split("/")
# Hidden: neither is part of the library.
_LOCK, _NEW = f".{_NAME}.lock", f".{_NAME}.new"

# Where a system lacks one of these, it lacks what the flag is against as well.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, and where it stands.

    `known` if it stood there before and nothing was written; `instead_of` is what it overrides.
    """

    labelled: LabelledTask
    known: bool = False
    instead_of: LabelledTask | None = None

    def to_dict(self) -> dict[str, Any]:
        other = self.instead_of
        return {
            "task": self.labelled.task,
            "expect": list(self.labelled.expect),
            "source": self.labelled.source,
            "known": self.known,
            "instead_of": other and {"expect": list(other.expect), "source": other.source},
        }


def learn(
    root: str | os.PathLike[str], task: str, route: str | None, routes: Collection[str]
) -> Lesson:
    """Write into the library at `root` that `task` belongs to `route`, None for no route.

    `routes` are the ids that the library has.

    Raises `TaskError` for what is no task, `UsageError` when there is no such library or route,
    and `LibraryError` when its file cannot be written; what was in it still is.
    """
    check_task(task)
    if route is not None and route not in routes:
        raise UsageError(f"route: {no_route(route, routes)}")
    try:
        folder = Folder(root)
        with _opened(folder.root) as tasks, _locked(tasks):
            return _append(folder, tasks, task, route, routes)
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise _fault(f"cannot be written: {cause}") from None


@dataclass(frozen=True, slots=True)
class _Tasks:
    """The folder that is written to: open, so that no link can take its place meanwhile.

    `handle` is None on systems that cannot open files relative to a folder.
    """

    path: str
    handle: int | None

    def name(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.path, name)

    def open(self, name: str, flags: int) -> int:
        return os.open(self.name(name), flags | _FLAGS, 0o666, dir_fd=self.handle)

    def status(self, name: str) -> os.stat_result:
        return os.stat(self.name(name), dir_fd=self.handle, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        os.unlink(self.name(name), dir_fd=self.handle)

    def rename(self, old: str, new: str) -> None:
        here = self.handle
        os.replace(self.name(old), self.name(new), src_dir_fd=here, dst_dir_fd=here)
        if here is not None:
            _sync(here)


@contextlib.contextmanager
def _opened(root: str) -> Iterator[_Tasks]:
    """The folder of tasks, made if it is not there."""
    path = os.path.join(root, _FOLDER)
    if os.path.islink(path):
        raise _fault(f"`{_FOLDER}` is a link; make it a folder of the library")
    if os.open not in os.supports_dir_fd:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
        yield _Tasks(path, None)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | _FLAGS
    above = os.open(root, flags)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(_FOLDER, dir_fd=above)
            _sync(above)
        handle = os.open(_FOLDER, flags, dir_fd=above)
    finally:
        os.close(above)
    try:
        yield _Tasks(path, handle)
    finally:
        os.close(handle)


def _sync(folder: int) -> None:
    # What was done in it is done; not every system can make sure of that for a folder.
    with contextlib.suppress(OSError):
        os.fsync(folder)


@contextlib.contextmanager
def _locked(tasks: _Tasks) -> Iterator[None]:
    """Alone among the processes that learn; a lock ends with its process, however that ends."""
    until = time.monotonic() + WAIT_SECONDS
    while (handle := _lock(tasks)) is None:
        if time.monotonic() > until:
            raise _fault(f"another process has kept it for {WAIT_SECONDS:.0f} s; try again later")
        time.sleep(0.01)
    try:
        yield
    finally:
        # Before it is given up: whoever waits for it notices that it is gone.
        with contextlib.suppress(OSError):
            tasks.unlink(_LOCK)
        os.close(handle)


def _lock(tasks: _Tasks) -> int | None:
    """The lock file, locked; None while another process has it."""
    handle = tasks.open(_LOCK, os.O_RDWR | os.O_CREAT)
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, handle)
        if not _exclusive(handle):
            return None
        with contextlib.suppress(FileNotFoundError):
            # Its last holder may have removed it while this process waited.
            if os.path.samestat(os.fstat(handle), tasks.status(_LOCK)):
                undo.pop_all()
                return handle
    return None


if sys.platform == "win32":

    def _exclusive(handle: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:

    def _exclusive(handle: int) -> bool:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _append(
    folder: Folder, tasks: _Tasks, task: str, route: str | None, routes: Collection[str]
) -> Lesson:
    expect = () if route is None else (route,)
    files = [file for file in snapshot(folder).files if file.path.startswith(f"{_FOLDER}/")]
    others = [file for file in files if file.path != LEARNED]
    for _ in range(ATTEMPTS):
        data, status = _read(tasks)
        labelled = read_tasks([*others, SourceFile(LEARNED, data)], routes)[0]
        before = next((row for row in labelled if row.task == task), None)
        if before and before.expect == expect:
            return Lesson(before, known=True)
        if data and not data.endswith(b"\n"):
            data += b"\n"
        data += format_row(task, route)
        line = len(split_lines(data)) - 1
        if len(data) > MAX_FILE_BYTES:
            limit = f"{MAX_FILE_BYTES >> 20} MB"
            raise _fault(f"is full ({limit}); move lines of it to another file in {_FOLDER}/", line)
        if _replaced(tasks, data, status):
            return Lesson(LabelledTask(task, expect, LEARNED, line), instead_of=before)
    raise _fault("another program keeps changing it; try again later")


def _read(tasks: _Tasks) -> tuple[bytes, os.stat_result | None]:
    """The file as it is and its status; nothing and None where there is none."""
    try:
        # For writing as well: whoever may not write the file shall not replace it.
        handle = tasks.open(_NAME, os.O_RDWR)
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _fault("is a link; put a file in its place") from None
        raise
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _fault("is not a regular file; put one in its place")
        return file.read(MAX_FILE_BYTES + 1), status


def _replaced(tasks: _Tasks, data: bytes, status: os.stat_result | None) -> bool:
    """Put `data` in the file's place, unless the file is no longer what `status` says."""
    with contextlib.suppress(FileNotFoundError):
        tasks.unlink(_NEW)  # left by a process that was killed
    handle = tasks.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with open(handle, "wb") as file:
            if status is not None and hasattr(os, "fchmod"):
                os.fchmod(handle, stat.S_IMODE(status.st_mode))
            file.write(data)
            file.flush()
            os.fsync(handle)
        if _identity(_status(tasks)) != _identity(status):
            tasks.unlink(_NEW)
            return False
        tasks.rename(_NEW, _NAME)
    except BaseException:
        with contextlib.suppress(OSError):
            tasks.unlink(_NEW)
        raise
    return True


def _status(tasks: _Tasks) -> os.stat_result | None:
    try:
        return tasks.status(_NAME)
    except FileNotFoundError:
        return None


def _identity(status: os.stat_result | None) -> tuple[int, ...]:
    if status is None:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _fault(message: str, line: int = 1) -> LibraryError:
    return LibraryError((Fault(LEARNED, line, message),))
