"""Reading files of a library: inside its folder only, regular files only, bounded in size.

A library may come from a stranger. A path of it is resolved once and then opened component by
component without following links, so that nothing can be swapped between the check and the read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 1 << 20
"""Larger than any agent or prompt seen in 14,609 public files; a page is some 5 KB."""

MAX_FILES = 250_000
MAX_TOTAL_BYTES = 512 << 20

FOLDERS = {"agents": ".md", "prompts": ".md", "tasks": ".jsonl"}
"""Read whole, in every library: the files with this ending."""

SETTINGS = "project.yaml"


SHIPPED = Path(__file__).parent.parent / "shipped"
"""The default library, in an installed wheel; in a checkout it is the checkout itself."""


class UnreadableError(Exception):
    """A path that must not or cannot be read; the message completes `path:line: …`."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was read: `path` is relative to the library, with forward slashes."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


MARKS = (
    "agents/*.md", "skills/*/SKILL.md", ".claude/agents", ".claude/commands", ".claude/skills",
    ".github/agents", ".github/prompts", ".cursor/rules", ".gemini/agents", ".gemini/commands",
    ".codex/agents", ".agents/skills", ".opencode/agent",
)  # fmt: skip
"""What tells that a folder holds a library."""


def find_library(start: str | os.PathLike[str]) -> Path | None:
    """The nearest folder from `start` upwards that holds a library, None without one.

    What lies in the user's home belongs to all that is below it, and is nobody's project.
    """
    here = Path(start).absolute()
    for folder in (here, *here.parents):
        with contextlib.suppress(OSError):  # a folder above that may not be searched
            marks = MARKS[:1] if folder == Path.home() and folder != here else MARKS
            if any(True for mark in marks for _ in folder.glob(mark)):
                return folder
    return None


def shipped_library() -> Path:
    """The library that comes with this program."""
    return SHIPPED if SHIPPED.is_dir() else SHIPPED.parent.parent


class Folder:
    """The library's folder, opened for reading.

    Raises `UnreadableError` from the constructor when `root` is no folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        try:
            self.root = os.path.realpath(root)
            found = os.path.isdir(self.root)
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{os.fspath(root)!r} is not a folder: {cause(error)}") from None
        if not found:
            raise UnreadableError(f"{os.fspath(root)} is not a folder")

    def read(self, path: str) -> SourceFile:
        """The file at `path` (relative to the library).

        Raises `UnreadableError` for a missing file, one outside the library (also by a symbolic
        link), anything but a regular file, and one over `MAX_FILE_BYTES`.
        """
        if not path.isprintable():
            raise UnreadableError("has invisible characters in its name; rename it")
        inside = self.inside(path)
        try:
            handle = self._open(inside)
        except FileNotFoundError:
            raise UnreadableError("no such file") from None
        except (OSError, ValueError) as error:
            raise UnreadableError(cause(error)) from None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("not a regular file")
            if status.st_size > MAX_FILE_BYTES:
                raise UnreadableError(f"{status.st_size} bytes; the limit is {MAX_FILE_BYTES}")
            data = _read_all(handle, MAX_FILE_BYTES)
        except OSError as error:
            raise UnreadableError(cause(error)) from None
        finally:
            os.close(handle)
        return SourceFile(path, data)

    def inside(self, path: str) -> str:
        try:
            resolved = os.path.realpath(os.path.join(self.root, path))
        except (OSError, ValueError) as error:
            raise UnreadableError(cause(error)) from None
        inside = os.path.relpath(resolved, self.root)
        if inside == os.pardir or inside.startswith(os.pardir + os.sep) or os.path.isabs(inside):
            raise UnreadableError("leads outside of the library; only files in it are read")
        return inside

    def _open(self, inside: str) -> int:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        if os.open not in os.supports_dir_fd:
            return os.open(os.path.join(self.root, inside), flags)
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC
        *folders, name = inside.split(os.sep)
        current = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                below = os.open(folder, flags | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            return os.open(name, flags, dir_fd=current)
        finally:
            os.close(current)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a library consisted of at one moment: its readable files, and why others were not."""

    root: str
    files: tuple[SourceFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents; equal exactly if the library is the same."""
        total = hashlib.sha256()
        for file in self.files:
            total.update(f"{file.path}\0{file.sha256}\n".encode("utf-8", "surrogateescape"))
        for path, cause in self.unreadable:
            total.update(f"{path}\0!{cause}\n".encode("utf-8", "surrogateescape"))
        return total.hexdigest()


def _read_all(handle: int, limit: int) -> bytes:
    chunks = []
    while chunk := os.read(handle, 1 << 18):
        chunks.append(chunk)
        limit -= len(chunk)
        if limit < 0:
            raise UnreadableError("grew while it was read")
    return b"".join(chunks)


def cause(error: Exception) -> str:
    """Why a file could not be had, as the end of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).lower()
