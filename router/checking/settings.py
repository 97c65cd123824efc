"""The `[check]` table of a library's `route.toml`: limits, known tools, silenced findings.

[check]
max_tokens = 8000
tools = ["ticket_search"]
ignore = [{ code = "R044", path = "prompts/archive/*", reason = "kept for the record" }]
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from router.errors import Fault

FILE = "route.toml"
TABLE = "check"
ANY_PATH = "*"
WRONG, IDLE = "R018", "R019"


@dataclass(frozen=True, slots=True)
class Ignored:
    """Findings that are not to be told: of one code, in the files that `path` fits, and why."""

    code: str
    reason: str
    path: str = ANY_PATH
    line: int = 1

    def covers(self, fault: Fault) -> bool:
        return fault.code == self.code and fnmatchcase(fault.path, self.path)


@dataclass(frozen=True, slots=True)
class Settings:
    """What `[check]` says; tokens are estimated, lengths are in characters."""

    max_tokens: int = 6_000
    max_bundle_tokens: int = 24_000
    max_description: int = 1_500
    tools: tuple[str, ...] = ()
    ignore: tuple[Ignored, ...] = field(default=())

    def silenced(self, faults: Iterable[Fault]) -> tuple[list[Fault], list[Fault]]:
        """What is left of the faults, and what `ignore` covers."""
        told: list[Fault] = []
        hidden: list[Fault] = []
        for fault in faults:
            covered = any(entry.covers(fault) for entry in self.ignore)
            (hidden if covered else told).append(fault)
        return told, hidden

    def idle(self, hidden: Iterable[Fault]) -> list[Fault]:
        """Advice for each entry of `ignore` that covers none of the `hidden` findings."""
        faults = list(hidden)
        return [
            Fault(FILE, entry.line, f"`{entry.code}` on `{entry.path}` silences nothing; delete it",
                  "advice", IDLE)
            for entry in self.ignore
            if not any(entry.covers(fault) for fault in faults)
        ]  # fmt: skip


def read_settings(text: str) -> tuple[Settings, tuple[Fault, ...]]:
    """What the text of a `route.toml` says, and all that is wrong with it."""
    faults: list[Fault] = []

    def fault(line: int, message: str) -> None:
        faults.append(Fault(FILE, line, message, code=WRONG))

    try:
        values = tomllib.loads(text).get(TABLE, {})
    except (ValueError, RecursionError) as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = map(int, place.groups()) if place else (1, 1)
        return Settings(), (Fault(FILE, line, f"TOML: {error}", code=WRONG, column=column),)
    if not isinstance(values, dict):
        fault(1, f"`{TABLE}` must be a table `[{TABLE}]`")
        return Settings(), tuple(faults)
    known = {entry.name: entry for entry in fields(Settings)}
    said: dict[str, Any] = {}
    for key, value in values.items():
        line = _line(text, rf"^\s*{re.escape(key)}\s*=")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
            fault(line, f"key `{key}` is unknown; {hint}")
        elif key.startswith("max_"):
            if type(value) is int and value > 0:
                said[key] = value
            else:
                fault(line, f"`{key}` must be a whole number above 0")
        elif not isinstance(value, list):
            fault(line, f"`{key}` must be a list")
        elif key == "tools":
            said[key] = tuple(map(str, value))
        else:
            said[key] = tuple(
                entry
                for number, row in enumerate(value)
                if (entry := _ignored(text, number, row, faults))
            )
    return Settings(**said), tuple(faults)


def _ignored(text: str, number: int, row: Any, faults: list[Fault]) -> Ignored | None:
    """An entry of `ignore`; it must say why."""
    from router.checking.catalogue import BY_CODE  # late: its checks need the settings

    line = _line(text, r"\bcode\s*=", number)
    wrong = ""
    if not isinstance(row, dict) or not {"code"} <= row.keys() <= {"code", "path", "reason"}:
        wrong = 'an entry of `ignore` is `{ code = "R044", path = "…", reason = "…" }`'
    elif row["code"] not in BY_CODE:
        wrong = f"there is no code `{row['code']}`; see docs/checks.md"
    elif not str(row.get("reason", "")).strip():
        wrong = f'silencing `{row["code"]}` needs a reason; add `reason = "…"`'
    if wrong:
        faults.append(Fault(FILE, line, wrong, code=WRONG))
        return None
    return Ignored(row["code"], str(row["reason"]), str(row.get("path", ANY_PATH)), line)


def _line(text: str, pattern: str, number: int = 0) -> int:
    """The line of the pattern's place `number`, counted from 0; 1 where there is none."""
    found = list(re.finditer(pattern, text, re.MULTILINE))[number : number + 1]
    return text.count("\n", 0, found[0].start()) + 1 if found else 1
