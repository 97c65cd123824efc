"""Sample tasks: what a bad row says, and what the figures mean."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from router import CasesError, Router
from router.evaluation.cases import Case, read_cases
from router.evaluation.measuring import Rate, Report, evaluate
from router.evaluation.metrics import measure
from router.terminal.report import figures_table, misses_table


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "not JSON: Expecting value"),
        ("[1]", "not an object; write"),
        ("[" * 100_000, "not JSON: nested too deep"),
        ('{"task": "x"}', "no `expect`; give the route's id, or null if no rule fits"),
        ('{"expect": null}', "no `task`; give the task's text"),
        ('{"task": 1, "expect": null}', "no `task`; give the task's text"),
        ('{"task": " ", "expect": null}', "task:1: is empty"),
        (
            '{"task": "x", "expect": "tester/unit-tests"}',
            "no route `tester/unit-tests`; did you mean `tester/unit-testing`?",
        ),
        ('{"task": "x", "expect": "zzz"}', "no route `zzz`; see `route rules`"),
        (
            '{"task": "x", "expect": ["tester/unit-testing", 1]}',
            "`expect` is neither a route's id, a list of ids, nor null",
        ),
        (
            '{"task": "x", "expect": ["tester/unit-testing", "tester/unit-testing"]}',
            "`expect` names one twice",
        ),
        (
            '{"task": "x", "expect": ["tester/unit-testing", "tester/unit"]}',
            "no route `tester/unit`; did you mean",
        ),
        (
            '{"task": "x", "expect": null, "agnt": "y"}',
            "unknown key `agnt`; there are accept, agent, bundle, draft, expect, note, rule, ",
        ),
    ],
)
def test_bad_rows(router: Router, tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "tasks.jsonl"
    good = '{"task": "add an endpoint", "expect": "backend-developer/api-development"}'
    file.write_text(f"{good}\n\n{line}\n{good}\n")
    with pytest.raises(CasesError) as caught:
        read_cases(file, router.routes)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"{file}:3: {message}")


def test_all_bad_rows_at_once(router: Router, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("x\n{}\n[]\n")
    with pytest.raises(CasesError) as caught:
        read_cases(file, router.routes)
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "no cases; add"), (b"\n\xff", ":2: not UTF-8; save the file as UTF-8")],
)
def test_unusable_files(router: Router, tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(data)
    with pytest.raises(CasesError, match=message):
        read_cases(file, router.routes)


def test_a_missing_file(router: Router, tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"none.jsonl:1: cannot be read: no such file"):
        read_cases(tmp_path / "none.jsonl", router.routes)


@pytest.fixture(scope="module")
def report(router: Router) -> Report:
    """Four cases whose outcomes are known by hand."""
    return evaluate(
        router.route,
        [
            Case("optimize slow database queries", ("backend-developer/database-optimization",), 1),
            Case("optimize slow database queries", ("tester/unit-testing",), 2),
            Case("xqzt flrb", (), 3),
            Case("optimize slow database queries", (), 4),
            Case("xqzt flrb", ("tester/unit-testing",), 5),
        ],
    )


def test_rates_of_a_hand_worked_example(report: Report) -> None:
    rates = {name: (rate.hits, rate.total) for name, rate in report.rates.items()}
    assert rates["accuracy"] == (2, 5)
    assert rates["top1"] == (1, 3)
    assert rates["selective_accuracy"] == (1, 3)
    assert rates["coverage"] == (2, 3)
    assert rates["abstained_outside"] == (1, 2)
    assert [result.case.line for result in report.misses] == [2, 4, 5]


def test_every_miss_says_what_won(report: Report) -> None:
    rows = [row[:4] for row in misses_table(report).rows]
    task = "optimize slow database queries"
    taken = "backend-developer/database-optimization"
    assert rows == [
        ("2", task, "tester/unit-testing", taken),
        ("4", task, "none", taken),
        ("5", "xqzt flrb", "tester/unit-testing", "none (no-evidence)"),
    ]
    found = measure(report)
    assert [row[-1] for row in figures_table(found).rows] == list(found.figures)
    json.dumps(found.to_dict())


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (7, 10), (95, 100), (500, 1000)])
def test_intervals_are_wilsons(hits: int, total: int) -> None:
    """Against the closed form, written out."""
    z, p, n = 1.959963984540054, hits / total, total
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert Rate(hits, total).interval == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_an_empty_rate() -> None:
    rate = Rate(0, 0)
    assert math.isnan(rate.value)
    assert rate.interval == (0.0, 1.0)
    assert rate.to_dict()["value"] is None
