"""What can go wrong, as types that somebody catches.

    RouterError
    ├── FilesError      files are at fault; carries every fault found
    │   ├── LibraryError    … of a library
    │   └── CasesError      … of sample tasks
    ├── TaskError       the task itself cannot be routed (empty, too long, a NUL byte)
    ├── UsageError      the call asks for something that is not there (a folder, an agent)
    │   └── BudgetError     … for a context of fewer tokens than its task has
    ├── ArtifactError   a compiled model is damaged, foreign or of another version
    └── CompileError    the compiling process died or ran into its limits

Every input ends in a value or in one of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "advice"]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong with one place of one file.

    `line` and `column` count from 1. An error stops the compile; a warning is reported and routing
    goes on; advice is given by `route check` alone. `code` is the page that explains it.

    >>> str(Fault("agents/a.md", 3, "no name: add `name: a`"))
    'agents/a.md:3: no name: add `name: a`'
    """

    path: str
    line: int
    message: str
    severity: Severity = "error"
    code: str = ""
    column: int = 1

    def __str__(self) -> str:
        kind = "" if self.severity == "error" else f"{self.severity}: "
        return f"{printable(self.path)}:{self.line}: {kind}{printable(self.message)}"


class RouterError(Exception):
    """Base of every error that this package raises on purpose."""


class FilesError(RouterError):
    """Files cannot be used; `faults` lists all that is wrong with them, not only the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class LibraryError(FilesError):
    """The library cannot be compiled, or not be written to."""


class CasesError(FilesError):
    """The sample tasks cannot be evaluated."""


class TaskError(RouterError):
    """The task cannot be routed; the message says `task:line: what is wrong, what to do`."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(f"task:{line}: {message}")


class UsageError(RouterError):
    """The call names something that does not exist or asks for the impossible."""


class BudgetError(UsageError):
    """Not even the task fits the budget; `smallest` is the smallest that works."""

    def __init__(self, budget: int, smallest: int) -> None:
        self.smallest = smallest
        super().__init__(
            f"budget: {budget} tokens are too few for the task alone; the smallest that works is"
            f" {smallest}"
        )


class ArtifactError(RouterError):
    """A compiled model cannot be used; the message says why and what to do."""


class CompileError(RouterError):
    """The compiling process ended without a model: a limit of memory or time, or a crash."""


def printable(text: str) -> str:
    r"""Text with control and invisible formatting characters escaped, so that it stays on one line.

    >>> printable("a\nb\u202e")
    'a\\nb\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
