"""Everything that is to be said of a library: what its reader found, and what the checks find."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from router.checking.catalogue import BY_CODE, CHECKS
from router.checking.fixing import mendable
from router.checking.settings import FILE, Settings, read_settings
from router.checking.subject import Subject
from router.errors import Fault, UsageError
from router.library.folder import Library
from router.library.source import Folder, Snapshot, UnreadableError

MAX_MAPPED = 2_000
"""Rules that are asked each other's lines; more would take minutes."""

_ORDER = {"error": 0, "warning": 1, "advice": 2}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in order of path and line, and how much of it is silenced.

    `fixable` counts those that `--fix` mends.
    """

    root: str
    findings: tuple[Fault, ...]
    silenced: int = 0
    routes: int = 0
    fixable: int = 0

    def count(self, severity: str) -> int:
        return sum(1 for fault in self.findings if fault.severity == severity)

    def fails(self, *, strict: bool) -> bool:
        """Whether the library does not pass."""
        return bool(self.count("error") or (strict and self.count("warning")))

    @property
    def worst_first(self) -> tuple[Fault, ...]:
        """For formats that are cut off somewhere."""
        return tuple(sorted(self.findings, key=lambda fault: (_ORDER[fault.severity], fault)))

    def to_dict(self) -> dict[str, Any]:
        return {
            "findings": [
                {
                    "path": fault.path,
                    "line": fault.line,
                    "column": fault.column,
                    "severity": fault.severity,
                    "code": fault.code,
                    "title": BY_CODE[fault.code].title if fault.code in BY_CODE else "",
                    "message": fault.message,
                }
                for fault in self.findings
            ],
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "advice": self.count("advice"),
            "silenced": self.silenced,
            "fixable": self.fixable,
            "rules": self.routes,
        }


def check(
    root: str | os.PathLike[str],
    *,
    compiled: bool = True,
    notify: Callable[[str], None] = lambda message: None,
) -> Report:
    """Check the library at `root`; without `compiled`, or with errors, only what its files say.

    Templates are rendered in a process with limits. Raises `UsageError` when there is no such
    folder, and `CompileError` when reading or compiling it hits its limits.
    """
    from router.compiler.process import limited

    try:
        folder = Folder(root)
    except UnreadableError as error:
        raise UsageError(f"library: {error}") from None
    answer = limited("router.checking", {"root": folder.root}, f"checking {folder.root}", notify)
    faults = [Fault(**fault) for fault in answer["faults"]]
    settings, wrong = settings_of(folder)
    found = faults + list(wrong)
    whole = compiled and not any(fault.severity == "error" for fault in found)
    if whole and answer["routes"] > MAX_MAPPED:
        notify(f"more than {MAX_MAPPED} rules: they were not asked each other's lines")
    elif whole:
        found += _mapped(folder.root, settings, notify)
    told, hidden = settings.silenced(dict.fromkeys(found))
    if whole:
        told += settings.idle(hidden)
    fixable = mendable(folder, told)
    return Report(folder.root, tuple(sorted(told)), len(hidden), answer["routes"], fixable)


def read_only(library: Library, files: Snapshot, settings: Settings) -> list[Fault]:
    """What is found without compiling: the reader's faults, and the checks of what it read."""
    subject = Subject(library, {file.path: file for file in files.files}, settings)
    return [*library.faults, *_findings(subject, compiled=False)]


def settings_of(folder: Folder) -> tuple[Settings, tuple[Fault, ...]]:
    """The library's `route.toml`; what is said without one."""
    if not os.path.lexists(os.path.join(folder.root, FILE)):
        return Settings(), ()
    try:
        text = folder.read(FILE).data.decode("utf-8-sig")
    except UnreadableError as error:
        return Settings(), (Fault(FILE, 1, f"cannot be read: {error}", code="R001"),)
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}; save the file as UTF-8"
        return Settings(), (Fault(FILE, 1, message, code="R002"),)
    return read_settings(text)


def _mapped(root: str, settings: Settings, notify: Callable[[str], None]) -> Iterable[Fault]:
    """What only the compiled library shows."""
    from router.compiler.compiling import library_of  # late: imports scikit-learn
    from router.evaluation.overlap import overlaps
    from router.router import Router

    # What loading tells are the faults, which are known.
    router = Router.load(root, notify=lambda line: notify(line) if line.endswith("…") else None)
    subject = Subject(library_of(router.model), settings=settings, map=overlaps(router))
    return _findings(subject, compiled=True)


def _findings(subject: Subject, *, compiled: bool) -> list[Fault]:
    return [
        fault
        for rule in CHECKS
        if rule.find and rule.compiled is compiled
        for fault in rule.find(subject)
    ]


def to_answer(library: Library, faults: Iterable[Fault]) -> dict[str, Any]:
    """What the process that reads a library hands back."""
    return {"faults": [asdict(fault) for fault in faults], "routes": len(library.routes)}
