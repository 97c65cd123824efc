"""Gates: what they may say, and what is said of one that is not passed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

from router import LibraryError, UsageError
from router.evaluation.gates import (
    Gate,
    Gates,
    checked,
    failures,
    parse_bounds,
    parse_fail_on,
    read_gates,
)
from router.evaluation.measuring import Rate
from router.evaluation.metrics import Figure

PASSED, FAULT, USAGE = 0, 1, 2
CASES = "tests/tasks.jsonl"

FIGURES: dict[str, Rate | Figure] = {
    "accuracy": Rate(3, 4),
    "coverage": Rate(0, 0),
    "ece": Figure(0.2, (0.1, 0.3), 4),
}
TIMES = {"p95": 7.5}


@pytest.mark.parametrize(
    ("gates", "messages"),
    [
        (Gates(), []),
        (Gates((Gate("min", "accuracy", 0.75), Gate("max", "ece", 0.2))), []),
        (
            Gates((Gate("min", "accuracy", 0.9),)),
            ["accuracy 0.750 (95 %: 0.301–0.954) is below 0.9"],
        ),
        (Gates((Gate("max", "ece", 0.05),)), ["ece 0.200 (95 %: 0.100–0.300) is above 0.05"]),
        (Gates((Gate("max", "p95_ms", 5),)), ["p95_ms 7.500 is above 5"]),
        (Gates((Gate("max", "p95_ms", 8),)), []),
        (
            Gates((Gate("min", "coverage", 0.5),)),
            ["coverage: there is no case to judge it by, and 0.5 is asked"],
        ),
        (
            Gates(fail_on=(("worse", 0), ("sideways", 3))),
            ["2 tasks are worse; at most 0 may be"],
        ),
        (Gates(fail_on=(("better", 0),)), ["1 task is better; at most 0 may be"]),
        (
            Gates((Gate("min", "accuracy", 1), Gate("max", "accuracy", 0.1))),
            [
                "accuracy 0.750 (95 %: 0.301–0.954) is below 1",
                "accuracy 0.750 (95 %: 0.301–0.954) is above 0.1",
            ],
        ),
    ],
)
def test_failures(gates: Gates, messages: list[str]) -> None:
    changed = {"better": 1, "worse": 2, "sideways": 3}
    found = failures(gates, FIGURES, TIMES, changed)
    assert [failure.message for failure in found] == messages


def test_a_figure_that_there_is_not() -> None:
    for name, hint in [("acuracy", "did you mean `accuracy`?"), ("x", "there are accuracy, ")]:
        with pytest.raises(UsageError, match=f"--min {name}: no such figure; ") as caught:
            failures(Gates((Gate("min", name, 1),)), FIGURES, TIMES)
        assert hint in str(caught.value)


@pytest.mark.parametrize("text", ["accuracy", "accuracy=", "accuracy=x", "accuracy=nan", ""])
def test_bad_bounds(text: str) -> None:
    with pytest.raises(UsageError, match="write NAME=NUMBER, such as"):
        parse_bounds("min", [text])


@pytest.mark.parametrize("text", ["worse", "worse:", "worse:-1", "bad:0", "worse:½"])
def test_bad_changes(text: str) -> None:
    with pytest.raises(UsageError, match="write KIND:NUMBER, KIND one of better, worse, sideways"):
        parse_fail_on([text])


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("[eval]\nmin = {accuracy = 0.9}\nfail-on = {worse = 0}\n", []),
        ("", []),
        ("[eval\n", ["1: TOML: "]),
        ("[evl]\n", ["1: key `evl` is unknown; there are check, eval"]),
        (
            "[eval]\nmin = 3\nmix = 1\n",
            ["2: `min` is no table", "3: key `mix` is unknown; there are min, max, fail-on"],
        ),
        (
            '[eval.min]\naccuracy = "high"\nf1 = true\n',
            ["2: `accuracy` is no number", "3: `f1` is no number"],
        ),
        (
            "[eval]\nfail-on = {worse = -1}\n\n[eval.max]\nece = []\n",
            ["2: `worse` is no whole number", "5: `ece` is no number"],
        ),
        ("[eval.fail-on]\nbad = 0\n", ["2: `bad` is no kind of change; there are better, "]),
        ("\xff", ["1: not UTF-8"]),
    ],
)
def test_route_toml(tmp_path: Path, text: str, faults: list[str]) -> None:
    (tmp_path / "route.toml").write_bytes(text.encode("latin-1"))
    if not faults:
        read_gates(str(tmp_path))
        return
    with pytest.raises(LibraryError) as caught:
        read_gates(str(tmp_path))
    found = [str(fault) for fault in caught.value.faults]
    assert len(found) == len(faults), found
    for line, start in zip(found, faults, strict=True):
        assert line.startswith(f"route.toml:{start}")


def test_what_is_said_on_the_command_line_counts_more() -> None:
    own = Gates((Gate("min", "accuracy", 0.9), Gate("max", "ece", 0.1)), (("worse", 0),))
    said = Gates((Gate("min", "accuracy", 0.5),))
    both = said.over(own)
    assert set(both.bounds) == {Gate("min", "accuracy", 0.5), Gate("max", "ece", 0.1)}
    assert both.fail_on == (("worse", 0),)
    assert Gates(fail_on=(("worse", 5),)).over(own).fail_on == (("worse", 5),)


def test_the_command(run: Run, library: Callable[[str], Path]) -> None:
    """The library's own gates hold without being named; each that fails is named."""
    root = library("crew")
    assert run("eval", CASES, cwd=root).returncode == PASSED
    (root / "route.toml").write_text("[eval]\nmin = {accuracy = 1.0}\nmax = {aurc = 0.001}\n")
    done = run("eval", CASES, cwd=root)
    assert done.returncode == FAULT
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("gate: ")]
    assert line.startswith("gate: aurc 0.0")
    assert line.endswith(") is above 0.001")
    done = run("eval", CASES, "--max", "aurc=1", "--min", "accuracy=0.5", cwd=root)
    assert done.returncode == PASSED
    for arguments, message in [
        (["--min", "acuracy=1"], "--min acuracy: no such figure; did you mean `accuracy`?\n"),
        (["--fail-on", "worse:0"], "--fail-on: there is nothing to compare with; add --against\n"),
    ]:
        done = run("eval", CASES, *arguments, cwd=root)
        assert (done.returncode, done.stderr.endswith(message)) == (USAGE, True), done.stderr


def test_misspelt_names_are_found_before_the_run() -> None:
    assert checked(Gates()) == Gates()
    known = Gates((Gate("min", "top1", 0.5), Gate("max", "p99_ms", 5.0)))
    assert checked(known) == known
    with pytest.raises(UsageError, match="--max p99: no such figure; did you mean `p99_ms`"):
        checked(Gates((Gate("max", "p99", 5.0),)))


def test_nan_is_no_bound() -> None:
    assert parse_bounds("max", ["p95_ms=inf"]) == (Gate("max", "p95_ms", math.inf),)
