"""One file of a library, read and replaced by one process at a time.

Nothing that is there is ever lost: the file is replaced whole or not at all, keeps its mode, and is
never reached through a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from router.errors import Fault, LibraryError
from router.library.source import MAX_FILE_BYTES

WAIT_SECONDS = 10.0
"""For other processes that write the file; most take a few hundredths of a second."""

ATTEMPTS = 10
"""At a file that an editor, which knows of no lock, saves while it is being replaced."""

# Where a system lacks one of these, it lacks what the flag is against as well.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


@dataclass(frozen=True, slots=True)
class Place:
    """A file that is written to, in its folder: open, so that no link can take its place meanwhile.

    `path` is relative to the library; `handle` is the folder's, None on systems that cannot open
    files relative to one.
    """

    path: str
    folder: str
    handle: int | None

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    # Hidden: neither is part of the library.
    @property
    def _lock(self) -> str:
        return f".{self.name}.lock"

    @property
    def _new(self) -> str:
        return f".{self.name}.new"

    def fault(self, message: str, line: int = 1) -> LibraryError:
        """The error that says what is wrong with the file."""
        return LibraryError((Fault(self.path, line, message),))

    def read(self) -> tuple[bytes, os.stat_result | None]:
        """The file as it is and its status; nothing and None where there is none."""
        try:
            # For writing as well: whoever may not write the file shall not replace it.
            handle = self._open(self.name, os.O_RDWR)
        except FileNotFoundError:
            return b"", None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self.fault("is a link; put a file in its place") from None
            raise
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise self.fault("is not a regular file; put one in its place")
            return file.read(MAX_FILE_BYTES + 1), status

    def replace(self, data: bytes, status: os.stat_result | None) -> bool:
        """Put `data` in the file's place, unless the file is no longer what `status` says."""
        with contextlib.suppress(FileNotFoundError):
            self._unlink(self._new)  # left by a process that was killed
        handle = self._open(self._new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with open(handle, "wb") as file:
                if status is not None and hasattr(os, "fchmod"):
                    os.fchmod(handle, stat.S_IMODE(status.st_mode))
                file.write(data)
                file.flush()
                os.fsync(handle)
            if _identity(self._status()) != _identity(status):
                self._unlink(self._new)
                return False
            here = self.handle
            os.replace(self._at(self._new), self._at(self.name), src_dir_fd=here, dst_dir_fd=here)
        except BaseException:
            with contextlib.suppress(OSError):
                self._unlink(self._new)
            raise
        if self.handle is not None:
            _sync(self.handle)
        return True

    def remove(self) -> None:
        """Take the file away, as after a first write that turned out wrong."""
        self._unlink(self.name)
        if self.handle is not None:
            _sync(self.handle)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among the processes that write; a lock ends with its process, however that ends."""
        until = time.monotonic() + WAIT_SECONDS
        while (handle := self._try_lock()) is None:
            if time.monotonic() > until:
                message = f"another process has kept it for {WAIT_SECONDS:.0f} s; try again later"
                raise self.fault(message)
            time.sleep(0.01)
        try:
            yield
        finally:
            # Before it is given up: whoever waits for it notices that it is gone.
            with contextlib.suppress(OSError):
                self._unlink(self._lock)
            os.close(handle)

    def _try_lock(self) -> int | None:
        """The lock file, locked; None while another process has it."""
        handle = self._open(self._lock, os.O_RDWR | os.O_CREAT)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, handle)
            if not _exclusive(handle):
                return None
            with contextlib.suppress(FileNotFoundError):
                # Its last holder may have removed it while this process waited.
                status = os.stat(self._at(self._lock), dir_fd=self.handle, follow_symlinks=False)
                if os.path.samestat(os.fstat(handle), status):
                    undo.pop_all()
                    return handle
        return None

    def _at(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.folder, name)

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._at(name), flags | _FLAGS, 0o666, dir_fd=self.handle)

    def _unlink(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self.handle)

    def _status(self) -> os.stat_result | None:
        try:
            return os.stat(self._at(self.name), dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None


@contextlib.contextmanager
def opened(root: str, path: str) -> Iterator[Place]:
    """The file at `path` of the library at `root`, for this process alone.

    `path` is a name, or one in folders, which are made if they are not there. Raises `LibraryError`
    when it cannot be written, also from within the block.
    """
    place = Place(path, os.path.join(root, os.path.dirname(path)), None)
    try:
        with _folder(root, place) as found, found.locked():
            yield found
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise place.fault(f"cannot be written: {cause}") from None


def write_new(root: str, files: Mapping[str, bytes], *, again: bool = False) -> tuple[str, ...]:
    """Write files that are not there yet to a folder, which is made if it is not there.

    Returns the paths written. Raises `LibraryError` with a fault for each that is there, before
    anything is written; one that has just these bytes is left if this may be done `again`.
    """
    missing, other = [], []
    for path, data in files.items():
        place = os.path.join(root, path)
        if not os.path.lexists(place):
            missing.append(path)
        elif not (again and _holds(place, data)):
            other.append(path)
    if other:
        message = "is there already, and is not replaced; nothing was written"
        raise LibraryError(tuple(Fault(path, 1, message) for path in other))
    try:
        os.makedirs(root, exist_ok=True)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise LibraryError((Fault(root, 1, f"cannot be made: {cause}"),)) from None
    for path in missing:
        with opened(root, path) as new:
            _, status = new.read()
            if status is not None or not new.replace(files[path], None):
                raise new.fault("was made by another program meanwhile; look at it")
    return tuple(missing)


def _holds(path: str, data: bytes) -> bool:
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False


@contextlib.contextmanager
def _folder(root: str, place: Place) -> Iterator[Place]:
    """The place with its folder open."""
    name = os.path.dirname(place.path)
    if name and os.path.islink(place.folder):
        raise place.fault(f"`{name}` is a link; make it a folder of the library")
    if os.open not in os.supports_dir_fd:
        with contextlib.suppress(FileExistsError):
            os.makedirs(place.folder)
        yield place
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | _FLAGS
    handle = os.open(root, flags)
    for part in name.split("/") if name else ():
        above = handle
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
                _sync(above)
            handle = os.open(part, flags, dir_fd=above)
        finally:
            os.close(above)
    try:
        yield Place(place.path, place.folder, handle)
    finally:
        os.close(handle)


def _sync(folder: int) -> None:
    # What was done in it is done; not every system can make sure of that for a folder.
    with contextlib.suppress(OSError):
        os.fsync(folder)


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


def _identity(status: os.stat_result | None) -> tuple[int, ...]:
    if status is None:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
