"""An evaluation as JUnit XML, which every CI system shows as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree import ElementTree

from router.errors import printable
from router.evaluation.gates import Failure
from router.evaluation.measuring import Report, Result


def junit(report: Report, failed: Iterable[Failure], why: Callable[[Result], str]) -> bytes:
    """A test for each case and for each gate that `failed`; `why` says what won a miss instead.

    Markup in a task is escaped, and what XML cannot hold is written as an escape.
    """
    suite = ElementTree.Element("testsuite", name="route eval")
    failures = tests = 0
    for result in report.results:
        case = result.case
        seconds = f"{result.seconds:.6f}"
        name = printable(f"{case.line}: {case.task}" if case.line else case.task)
        test = ElementTree.SubElement(
            suite, "testcase", classname=printable(case.path), name=name, time=seconds
        )
        tests += 1
        if not result.right:
            failures += 1
            message = f"expected {case.label}, took {' + '.join(result.taken) or 'none'}"
            failure = ElementTree.SubElement(test, "failure", message=printable(message))
            failure.text = printable(why(result))
    for gate in failed:
        test = ElementTree.SubElement(suite, "testcase", classname="gates", name=gate.name)
        ElementTree.SubElement(test, "failure", message=printable(gate.message))
        tests, failures = tests + 1, failures + 1
    suite.set("tests", str(tests))
    suite.set("failures", str(failures))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"
