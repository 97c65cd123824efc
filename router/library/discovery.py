"""Which files of a folder are a library's: ours by their folder, other tools' by place and name.

A folder with a `project.yaml` is a library of ours: only its own folders are read. Any other is
looked through for every format that there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from router.library.formats import FORMATS, format_of
from router.library.source import (
    FOLDERS,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    SETTINGS,
    Folder,
    Snapshot,
    SourceFile,
    UnreadableError,
    cause,
)

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

VENDORED = frozenset(
    "__pycache__ build dist node_modules site-packages target third_party vendor venv".split()
)
"""Folders with copies of other people's files."""

HOMES = frozenset(".agents .claude .codex .cursor .gemini .github .opencode".split())
"""The hidden folders that are looked into."""

IGNORED = ".gitignore"


def snapshot(folder: Folder) -> Snapshot:
    """Read the whole library at one moment.

    Raises `UnreadableError` for more files or bytes than any library has.
    """
    files: list[SourceFile] = []
    own = os.path.lexists(os.path.join(folder.root, SETTINGS))
    paths, unreadable = own_paths(folder) if own else foreign_paths(folder)
    if len(paths) > MAX_FILES:
        raise UnreadableError(f"more than {MAX_FILES} files")
    total = 0
    for path in [*paths, SETTINGS] if own else paths:
        try:
            files.append(folder.read(path))
        except UnreadableError as error:
            unreadable.append((path, str(error)))
            continue
        total += len(files[-1].data)
        if total > MAX_TOTAL_BYTES:
            raise UnreadableError(f"more than {MAX_TOTAL_BYTES >> 20} MB of files")
    return Snapshot(folder.root, tuple(files), tuple(unreadable))


def own_paths(folder: Folder) -> tuple[list[str], list[tuple[str, str]]]:
    """Paths of all files under the `FOLDERS` of a library but hidden ones, sorted.

    And the folders that cannot be read, each with the reason.
    """
    found: list[str] = []
    unreadable: list[tuple[str, str]] = []
    pending = [
        (name, ending)
        for name, ending in FOLDERS.items()
        if os.path.lexists(os.path.join(folder.root, name))
    ]
    while pending:
        place, ending = pending.pop()
        try:
            folder.inside(place)
            with os.scandir(os.path.join(folder.root, place)) as listed:
                entries = list(listed)
        except UnreadableError as error:
            unreadable.append((place, str(error)))
            continue
        except OSError as error:
            unreadable.append((place, cause(error)))
            continue
        for entry in entries:
            path = f"{place}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append((path, ending))
            elif entry.name.endswith(ending):
                found.append(path)
        if len(found) > MAX_FILES:
            break
    return sorted(found), sorted(unreadable)


def foreign_paths(folder: Folder) -> tuple[list[str], list[tuple[str, str]]]:
    """Paths of all files of a repository that may be routes, prompts or labelled tasks, sorted.

    And the folders that cannot be read, each with the reason. Hidden and vendored folders, and what
    git ignores, are passed over; links are not followed.
    """
    found: list[str] = []
    unreadable: list[tuple[str, str]] = []
    pending: list[tuple[str, tuple[tuple[str, GitIgnoreSpec], ...]]] = [("", ())]
    while pending:
        inside, rules = pending.pop()
        try:
            with os.scandir(os.path.join(folder.root, inside)) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            unreadable.append((inside or ".", cause(error)))
            continue
        if any(entry.name == IGNORED for entry in entries):
            rules = (*rules, *_ignoring(folder, inside))
        for entry in entries:
            path = f"{inside}/{entry.name}" if inside else entry.name
            below = entry.is_dir(follow_symlinks=False)
            if any(_ignored(path, below, *rule) for rule in rules):
                continue
            if below:
                hidden = entry.name.startswith(".") and entry.name not in HOMES
                if not hidden and entry.name not in VENDORED:
                    pending.append((path, rules))
            elif _wanted(path):
                found.append(path)
    return sorted(found), sorted(unreadable)


def _wanted(path: str) -> bool:
    first, _, rest = path.partition("/")
    return bool(rest and path.endswith(FOLDERS.get(first, "\0"))) or format_of(path) in FORMATS


def _ignoring(folder: Folder, inside: str) -> Iterator[tuple[str, GitIgnoreSpec]]:
    from pathspec import GitIgnoreSpec  # late: a library of ours has no use for it

    try:
        file = folder.read(f"{inside}/{IGNORED}" if inside else IGNORED)
        lines = file.data.decode("utf-8", "replace").splitlines()
        yield inside, GitIgnoreSpec.from_lines(lines)
    except (UnreadableError, ValueError):
        return  # what git cannot read either


def _ignored(path: str, below: bool, inside: str, spec: GitIgnoreSpec) -> bool:
    here = path[len(inside) + 1 :] if inside else path
    return spec.match_file(f"{here}/" if below else here)
