"""JUnit XML: every case and every failed gate is a test, whatever characters a task has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from conftest import Run

from router.evaluation.answers import Answer, Ranked
from router.evaluation.cases import Case
from router.evaluation.gates import Failure
from router.evaluation.junit import junit
from router.evaluation.measuring import Report, Result
from router.terminal.report import why_line

HOSTILE = "]]> <b a='1'>\x00\x1b[31m & \u2028 ￾ 日本"


def test_the_structure() -> None:
    sure = Answer(("a/x",), (Ranked("a/x", 0.9, 1.5), Ranked("a/y", 0.1, 0.25)))
    report = Report(
        (
            Result(Case("fine", ("a/x",), 1, "c.jsonl"), sure, 0.0025),
            Result(Case(HOSTILE, ("a/y",), 2, "c.jsonl"), sure),
            Result(Case("none", (), 3, "c.jsonl"), Answer(())),
        )
    )
    said = junit(report, [Failure("accuracy", "accuracy 0.667 is below 0.9")], why_line)
    root = ElementTree.fromstring(said)
    assert [element.tag for element in root.iter()] == [
        "testsuites", "testsuite", "testcase", "testcase", "failure", "testcase", "testcase",
        "failure",
    ]  # fmt: skip
    (suite,) = root
    assert suite.attrib == {"name": "route eval", "tests": "4", "failures": "2"}
    fine, wrong, none, gate = suite
    assert fine.attrib == {"classname": "c.jsonl", "name": "1: fine", "time": "0.002500"}
    assert len(none) == len(fine) == 0
    (failure,) = wrong
    assert failure.get("message") == "expected a/y, took a/x"
    assert failure.text == "first is a/x, ahead of the expected by 1.250"
    assert "<b a='1'>" in wrong.get("name", "")
    assert "日本" in wrong.get("name", "")
    assert (gate.get("classname"), gate[0].get("message")) == (
        "gates",
        "accuracy 0.667 is below 0.9",
    )


def test_the_command(run: Run, library: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    done = run(
        "eval", "tests/tasks.jsonl", "--junit", file, "--max", "aurc=0.001", cwd=library("crew")
    )
    assert done.returncode == 1
    (suite,) = ElementTree.parse(file).getroot()
    assert [case.get("name") for case in suite][-2:] == ["4: xqzt flrb", "aurc"]
    assert suite.get("failures") == "1"
