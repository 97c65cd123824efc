"""What `route check` found, for people, programs, GitHub's annotations and its code scanning."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any
from urllib.parse import quote

from router import __version__
from router.checking.catalogue import BY_CODE, CHECKS
from router.checking.checking import Report
from router.errors import Fault, printable

MAX_RESULTS = 5_000
"""GitHub shows so many of a run."""

_SARIF_LEVEL = {"error": "error", "warning": "warning", "advice": "note"}
_GITHUB_LEVEL = {"error": "error", "warning": "warning", "advice": "notice"}


def text(report: Report) -> str:
    """A line for each finding."""
    return "".join(f"{_line(fault)}\n" for fault in report.findings)


def summary(report: Report) -> str:
    """How much was found, in one line."""
    counts = [
        _counted(report.count("error"), "error"),
        _counted(report.count("warning"), "warning"),
        f"{report.count('advice')} of advice",
    ]
    line = ", ".join(counts)
    if report.silenced:
        line += f"; {report.silenced} silenced by route.toml"
    if report.fixable:
        line += f"; --fix mends {report.fixable}"
    return line


def as_json(report: Report) -> str:
    return json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"


def github(report: Report) -> str:
    """Workflow commands, which GitHub shows beside the lines."""
    return "".join(
        f"::{_GITHUB_LEVEL[fault.severity]} file={_property(_from_here(report, fault.path))},"
        f"line={fault.line},col={fault.column},title={_property(_title(fault))}"
        f"::{_escaped(fault.message)}\n"
        for fault in report.worst_first
    )


def sarif(report: Report) -> str:
    """A log in SARIF 2.1.0, as GitHub's code scanning takes it: the worst findings first."""
    numbers = {check.code: number for number, check in enumerate(CHECKS)}
    seen: dict[str, int] = {}
    results = []
    for fault in report.worst_first[:MAX_RESULTS]:
        path = _from_here(report, fault.path)
        # Without the line: what was found stays the same finding when others move it.
        said = f"{fault.code}\0{path}\0{fault.message}"
        seen[said] = seen.get(said, -1) + 1
        print_ = hashlib.sha256(f"{said}\0{seen[said]}".encode("utf-8", "replace")).hexdigest()
        result: dict[str, Any] = {
            "ruleId": fault.code,
            "level": _SARIF_LEVEL[fault.severity],
            "message": {"text": printable(fault.message)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {
                            "uri": quote(os.fsencode(path)),
                            "uriBaseId": "%SRCROOT%",
                        },
                        "region": {"startLine": fault.line, "startColumn": fault.column},
                    }
                }
            ],
            "partialFingerprints": {"routeCheck/v1": print_},
        }
        if fault.code in numbers:
            result["ruleIndex"] = numbers[fault.code]
        results.append(result)
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "whenuse",
                        "semanticVersion": __version__,
                        "rules": _rules(),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, ensure_ascii=False, indent=2) + "\n"


FORMATS = {"text": text, "json": as_json, "sarif": sarif, "github": github}


def _rules() -> list[dict[str, Any]]:
    return [
        {
            "id": check.code,
            "name": "".join(word.capitalize() for word in check.title.split() if word.isalnum()),
            "shortDescription": {"text": check.title},
            "fullDescription": {"text": check.explanation.split("\n\n")[0].replace("\n", " ")},
            "help": {"text": check.explanation, "markdown": check.explanation},
            "defaultConfiguration": {"level": _SARIF_LEVEL[check.severity]},
        }
        for check in CHECKS
    ]


def _line(fault: Fault) -> str:
    place = f"{printable(fault.path)}:{fault.line}:{fault.column}"
    return f"{place}: {fault.severity} {fault.code}: {printable(fault.message)}"


def _title(fault: Fault) -> str:
    return f"{fault.code} {BY_CODE[fault.code].title}" if fault.code in BY_CODE else fault.code


def _from_here(report: Report, path: str) -> str:
    """The path as seen from the current folder, which is that of the repository; else as it is."""
    seen = os.path.relpath(os.path.join(report.root, path), os.path.realpath(os.getcwd()))
    return path if seen.startswith(os.pardir) else seen.replace(os.sep, "/")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _escaped(message: str) -> str:
    return printable(message).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")
