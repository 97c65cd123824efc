"""What can be a task, and labelled tasks: lines of JSON, in a library's `tasks/` and elsewhere.

{"task": "optimize slow queries", "expect": "backend-developer/database-optimization"}
{"task": "book a table for two tonight", "expect": null}
{"task": "test the API and deploy it", "expect": ["tester/unit-testing", "devops/releases"]}
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from router.errors import Fault, TaskError
from router.library.records import LabelledTask
from router.library.source import SourceFile

Part = TypeVar("Part")
Row = TypeVar("Row")

MAX_TASK_BYTES = 32 * 1024

KEYS = frozenset({"task", "expect", "note"})

LEARNED = "tasks/learned.jsonl"
"""Where `route learn` writes; read last, so that it overrides the other files."""

MAX_FAULTS = 50
"""Told of one file: in a file of another kind every line is wrong."""

_BREAKS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What JSON leaves as it is and some programs take for the end of a line."""


class _NoRouteError(ValueError):
    """Makes its message when it is read: near ids take time to find."""

    def __init__(self, route: str, routes: Collection[str]) -> None:
        super().__init__(route, routes)

    def __str__(self) -> str:
        return no_route(*self.args)


def check_task(task: str) -> None:
    """Raise `TaskError` for what cannot be a task."""
    if not isinstance(task, str):
        raise TaskError(1, f"is a {type(task).__name__}, not text")
    if not task.strip():
        raise TaskError(1, "is empty; say what is to be done")
    try:
        size = len(task.encode())
    except UnicodeEncodeError as error:
        line = task.count("\n", 0, error.start) + 1
        raise TaskError(line, "is not valid Unicode text") from None
    if size > MAX_TASK_BYTES:
        message = f"has {size} bytes; the limit is {MAX_TASK_BYTES}: shorten it to what is wanted"
        raise TaskError(1, message)
    if "\0" in task:
        line = task.count("\n", 0, task.index("\0")) + 1
        raise TaskError(line, "contains a NUL byte; remove it")


def read_tasks(
    files: Iterable[SourceFile], routes: Collection[str] | None
) -> tuple[tuple[LabelledTask, ...], tuple[Fault, ...]]:
    """The labelled tasks of a library's `files`, each text once, and what is wrong with them.

    `routes` are the ids that there are; None while they are not known. Every fault is a warning:
    the line is left out. Of several labels for one text the last counts.
    """
    rows: list[LabelledTask] = []
    faults: list[Fault] = []
    for file in sorted(files, key=lambda file: (file.path == LEARNED, file.path)):
        found, wrong = read_rows(file.path, file.data, routes)
        rows += found
        faults += wrong
    last = {row.task: row for row in rows}
    for row in rows:
        other = last[row.task]
        if row.expect != other.expect:
            message = (
                f"labelled `{row.label}`, but `{other.label}` in {other.source}, which counts;"
                " delete one"
            )
            faults.append(Fault(row.path, row.line, message))
    warnings = (replace(fault, severity="warning", code="R017") for fault in faults)
    return tuple(last.values()), tuple(warnings)


def read_rows(
    path: str, data: bytes, routes: Collection[str] | None
) -> tuple[list[LabelledTask], list[Fault]]:
    """The labelled tasks of one file, line by line, and a fault for each line that is none.

    The lines that are wrong beyond `MAX_FAULTS` share one fault.
    """
    lines = enumerate(split_lines(data), start=1)
    return read_each(path, lines, lambda number, line: _row(path, number, line, routes))


def read_each(
    path: str, parts: Iterable[tuple[int, Part]], read: Callable[[int, Part], Row | None]
) -> tuple[list[Row], list[Fault]]:
    """What `read` makes of each part of a file, given its line; a fault where it raises
    `ValueError`."""
    rows: list[Row] = []
    faults: list[Fault] = []
    beyond: list[int] = []
    for number, part in parts:
        try:
            row = read(number, part)
        except ValueError as error:
            if len(faults) < MAX_FAULTS:
                faults.append(Fault(path, number, str(error)))
            else:
                beyond.append(number)
        else:
            rows += [row] if row else []
    if beyond:
        message = f"the first of {len(beyond)} more lines that are wrong; mend those above first"
        faults.append(Fault(path, beyond[0], message))
    return rows, faults


def split_lines(data: bytes) -> list[bytes]:
    """The lines of a file, whatever ends them; the last is empty where the file ends with one."""
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def format_row(task: str, route: str | None) -> bytes:
    r"""The line that `read_rows` reads back as this task with this route, None for no route.

    >>> format_row("soup", None)
    b'{"task": "soup", "expect": null}\n'
    """
    return format_object({"task": task, "expect": route})


def format_object(row: dict[str, Any]) -> bytes:
    """The line of JSON for a row; no text in it can end the line."""
    text = json.dumps(row, ensure_ascii=False)
    return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode() + b"\n"


def no_route(route: str, routes: Collection[str]) -> str:
    """Says that there is no such route, and which one may be meant."""
    import difflib  # late: not needed to route

    near = difflib.get_close_matches(route, routes, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "see `route rules`"
    return f"no route `{route}`; {hint}"


def json_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object in a line, None if the line is blank; raises `ValueError` if it is bad."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8; save the file as UTF-8") from None
    if not text.strip():
        return None
    try:
        row = json.loads(text)
    except RecursionError:
        raise ValueError("not JSON: nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {getattr(error, 'msg', 'a number too long')}") from None
    if not isinstance(row, dict):
        raise ValueError('not an object; write {"task": "…", "expect": "agent/rule"}')
    return row


def check_keys(row: Collection[str], keys: Collection[str]) -> None:
    """Raise `ValueError` where a row has a key that is none of `keys`."""
    if unknown := sorted(set(row) - set(keys)):
        raise ValueError(f"unknown key `{unknown[0]}`; there are {', '.join(sorted(keys))}")


def task_of(row: dict[str, Any]) -> str:
    """The task of a row; raises `ValueError` where there is none."""
    task = row.get("task")
    if not isinstance(task, str):
        raise ValueError("no `task`; give the task's text")
    try:
        check_task(task)
    except TaskError as error:
        raise ValueError(str(error)) from None
    return task


def names_of(value: Any, key: str, what: str = "a route's id") -> tuple[str, ...]:
    """The names under a key that takes one of them, several, or null for none.

    Raises `ValueError` for anything else.
    """
    named = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in named):
        raise ValueError(f"`{key}` is neither {what}, a list of ids, nor null")
    if len(set(named)) < len(named):
        raise ValueError(f"`{key}` names one twice; name each once")
    return tuple(named)


def check_routes(named: Iterable[str], routes: Collection[str] | None) -> None:
    """Raise `ValueError` for a name that is none of `routes`, unless those are not known."""
    for route in named:
        if routes is not None and route not in routes:
            raise _NoRouteError(route, routes)


def _row(
    path: str, number: int, line: bytes, routes: Collection[str] | None
) -> LabelledTask | None:
    """The labelled task in a line, None if the line is blank; raises `ValueError` if it is bad."""
    row = json_object(line)
    if row is None:
        return None
    check_keys(row, KEYS)
    if "expect" not in row:
        raise ValueError("no `expect`; give the route's id, or null if no rule fits")
    task, named = task_of(row), names_of(row["expect"], "expect")
    check_routes(named, routes)
    return LabelledTask(task, named, path, number)
