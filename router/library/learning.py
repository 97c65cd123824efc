"""A labelled task into a library's own files, where the next compile finds it.

What was in the file stays its beginning, and processes that learn at once take turns.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from router.errors import UsageError
from router.library import writing
from router.library.discovery import snapshot
from router.library.records import LabelledTask, Route
from router.library.source import MAX_FILE_BYTES, Folder, SourceFile, UnreadableError
from router.library.tasks import LEARNED, check_task, format_row, no_route, read_tasks, split_lines

_FOLDER = os.path.dirname(LEARNED)


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
        with writing.opened(folder.root, LEARNED) as place:
            return _append(folder, place, task, route, routes)
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None


def learned_tasks(root: str | os.PathLike[str], routes: Iterable[Route]) -> list[str]:
    """The tasks that the library at `root` learns from: its labelled ones, its `routes`' Examples.

    Raises `UsageError` when there is no such library.
    """
    routes = tuple(routes)
    try:
        files = [f for f in snapshot(Folder(root)).files if f.path.startswith(f"{_FOLDER}/")]
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None
    labelled, _ = read_tasks(files, {route.id for route in routes})
    examples = [example for route in routes for example in route.rule.examples]
    return [*(row.task for row in labelled), *examples]


def _append(
    folder: Folder, place: writing.Place, task: str, route: str | None, routes: Collection[str]
) -> Lesson:
    expect = () if route is None else (route,)
    files = [file for file in snapshot(folder).files if file.path.startswith(f"{_FOLDER}/")]
    others = [file for file in files if file.path != LEARNED]
    for _ in range(writing.ATTEMPTS):
        data, status = place.read()
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
            raise place.fault(
                f"is full ({limit}); move lines of it to another file in {_FOLDER}/", line
            )
        if place.replace(data, status):
            return Lesson(LabelledTask(task, expect, LEARNED, line), instead_of=before)
    raise place.fault("another program keeps changing it; try again later")
