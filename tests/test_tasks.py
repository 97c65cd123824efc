"""Labelled tasks: which lines are some, what is said of the others, and which of two labels counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import TaskError
from router.library.source import SourceFile
from router.library.tasks import LEARNED, MAX_FAULTS, check_task, format_row, read_rows, read_tasks

ROUTES = ("cook/soup", "pilot/docking-ships")


def lines(*rows: tuple[str, str | None]) -> bytes:
    return b"".join(format_row(task, route) for task, route in rows)


@pytest.mark.parametrize(
    ("data", "tasks"),
    [
        (b"", []),
        (b"\n \n\t\n", []),
        (b'{"task": "soup", "expect": null}', ["soup"]),
        (b'{"task": "soup", "expect": null, "note": "for two"}\n', ["soup"]),
        (b'\xef\xbb\xbf{"task": "soup", "expect": null}\n', ["soup"]),
        (b'{"task": "a", "expect": null}\r\n{"task": "b", "expect": null}\r\n', ["a", "b"]),
        (b'{"task": "a", "expect": null}\r{"task": "b", "expect": null}', ["a", "b"]),
        (rb'{"task": "a\r\nb\u2028c\u0085d", "expect": null}', ["a\r\nb\u2028c\x85d"]),
        ('{"task": "a\u2028b\x85c\ufeff", "expect": null}\n'.encode(), ["a\u2028b\x85c\ufeff"]),
        (rb'{"task": "\ud83c\udf72", "expect": null}', ["🍲"]),
    ],
)
def test_lines(data: bytes, tasks: list[str]) -> None:
    rows, faults = read_rows("a.jsonl", data, ROUTES)
    assert ([row.task for row in rows], faults) == (tasks, [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"soup", "not JSON: Expecting value"),
        (b'{"task": "soup", "expect": nul', "not JSON: Expecting value"),
        (b'{"task": "a", "expect": null}{"task": "b", "expect": null}', "not JSON: Extra data"),
        (b'{"task": "a\0b", "expect": null}', "not JSON: Invalid control character at"),
        (b'{"task": "soup\xff", "expect": null}', "not UTF-8; save the file as UTF-8"),
        (b"[" * 100_000, "not JSON: nested too deep"),
        (b'{"task": ' + b"1" * 10_000 + b"}", "not JSON: a number too long"),
        (rb'{"task": "a\nb\u0000", "expect": null}', "task:2: contains a NUL byte; remove it"),
        (rb'{"task": "\ud800", "expect": null}', "task:1: is not valid Unicode text"),
        (
            b'{"task": "' + b"x" * 32_769 + b'", "expect": null}',
            "task:1: has 32769 bytes; the limit is 32768",
        ),
        (
            b'{"task": "x", "expect": {"a": 1}}',
            "`expect` is neither a route's id, a list of ids, nor null",
        ),
        (b'{"task": "x", "expect": ""}', "no route ``; see `route rules`"),
        (b'{"task": "x", "expect": "cook/soups"}', "no route `cook/soups`; did you mean `cook/so"),
    ],
)
def test_lines_that_are_no_labelled_task(line: bytes, message: str) -> None:
    """They cost neither the lines beside them nor each other."""
    good = format_row("soup", None)
    rows, faults = read_rows("a.jsonl", good + line + b"\n" + good, ROUTES)
    assert [row.line for row in rows] == [1, 3]
    (fault,) = faults
    assert str(fault).startswith(f"a.jsonl:2: {message}")


def test_routes_that_are_not_known_yet() -> None:
    rows, faults = read_rows("a.jsonl", format_row("soup", "baker/bread"), None)
    assert ([row.expect for row in rows], faults) == ([("baker/bread",)], [])


def test_a_file_of_another_kind_is_not_complained_of_line_by_line() -> None:
    data = format_row("soup", None) + b'{"prompt": "x"}\n' * 30_000 + format_row("ship", None)
    rows, faults = read_rows("a.jsonl", data, ROUTES)
    assert [row.task for row in rows] == ["soup", "ship"]
    assert len(faults) == MAX_FAULTS + 1
    assert str(faults[-1]) == (
        f"a.jsonl:{MAX_FAULTS + 2}: the first of {30_000 - MAX_FAULTS} more lines that are wrong;"
        " mend those above first"
    )


@pytest.mark.parametrize(
    ("files", "counts", "warnings"),
    [
        ({"tasks/a.jsonl": [("x", "cook/soup"), ("x", "cook/soup")]}, "tasks/a.jsonl:2", []),
        (
            {"tasks/a.jsonl": [("x", "cook/soup"), ("x", None), ("x", "cook/soup")]},
            "tasks/a.jsonl:3",
            [
                "tasks/a.jsonl:2: warning: labelled `none`, but `cook/soup` in tasks/a.jsonl:3,"
                " which counts; delete one"
            ],
        ),
        (
            {"tasks/b.jsonl": [("x", None)], "tasks/a.jsonl": [("x", "cook/soup")]},
            "tasks/b.jsonl:1",
            [
                "tasks/a.jsonl:1: warning: labelled `cook/soup`, but `none` in tasks/b.jsonl:1,"
                " which counts; delete one"
            ],
        ),
        (
            {LEARNED: [("x", None)], "tasks/z.jsonl": [("x", "cook/soup")]},
            f"{LEARNED}:1",
            [
                f"tasks/z.jsonl:1: warning: labelled `cook/soup`, but `none` in {LEARNED}:1,"
                " which counts; delete one"
            ],
        ),
        (
            {"tasks/a.jsonl": [("x", "cook/soup"), ("x", "baker/bread")]},
            "tasks/a.jsonl:1",
            ["tasks/a.jsonl:2: warning: no route `baker/bread`; see `route rules`"],
        ),
    ],
    ids=["repeated", "the last counts", "the last file", "learned is last", "of no route"],
)
def test_labels_of_one_text(
    files: dict[str, list[tuple[str, str | None]]], counts: str, warnings: list[str]
) -> None:
    rows, faults = read_tasks([SourceFile(p, lines(*rows)) for p, rows in files.items()], ROUTES)
    assert [row.source for row in rows] == [counts]
    assert list(map(str, faults)) == warnings


@given(st.text(), st.sampled_from([None, *ROUTES]))
def test_a_formatted_row_is_read_back(task: str, route: str | None) -> None:
    try:
        check_task(task)
    except TaskError:
        return
    row = format_row(task, route)
    assert len(row.decode().splitlines()) == 1
    (found,), faults = read_rows("a.jsonl", row, ROUTES)
    assert (found.task, found.expect) == (task, () if route is None else (route,))
    assert faults == []
    assert json.loads(row) == {"task": task, "expect": route}
