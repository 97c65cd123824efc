"""What a check looks at, and what a check is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from router.checking.settings import Settings
from router.errors import Fault, Severity
from router.evaluation.overlap import Map
from router.library.folder import Library
from router.library.frontmatter import decode
from router.library.neighbours import Neighbours
from router.library.source import SourceFile


@dataclass(frozen=True, slots=True)
class Subject:
    """A library as it was read, with its files; `map` where it was compiled as well."""

    library: Library
    files: Mapping[str, SourceFile] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    map: Map | None = None

    def lines(self, path: str) -> tuple[str, ...]:
        """The file's lines, as the reader numbers them; none for a file that is no text."""
        return _lines(self.files[path]) if path in self.files else ()

    def place(self, path: str, pattern: str) -> tuple[int, int] | None:
        """Line and column at which `pattern` is first found, None for nowhere."""
        for number, line in enumerate(self.lines(path), start=1):
            if found := re.search(pattern, line):
                return number, found.start() + 1
        return None

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder in the library."""
        return os.path.lexists(os.path.join(self.library.root, path))

    def neighbours(self) -> Neighbours:
        return Neighbours(self.files)


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of finding: its page in `docs/checks.md`, and what finds it.

    `find` is None for what the library's reader finds. With `compiled`, it needs `Subject.map`.
    """

    code: str
    title: str
    severity: Severity
    explanation: str
    find: Callable[[Subject], Iterable[Fault]] | None = None
    compiled: bool = False

    def at(self, path: str, line: int, message: str, column: int = 1) -> Fault:
        """A finding of this kind."""
        return Fault(path, line, message, self.severity, self.code, column)


@lru_cache(maxsize=4)
def _lines(file: SourceFile) -> tuple[str, ...]:
    return tuple(decode(file.path, file.data, lenient=True)[0].split("\n"))


def prose(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines outside of code fences, numbered from 1."""
    fence = ""
    for number, line in enumerate(lines, start=1):
        opened = re.match(r"\s*(`{3,}|~{3,})", line)
        if fence:
            if line.strip() and set(line.strip()) == {fence[0]} and len(line.strip()) >= len(fence):
                fence = ""
        elif opened:
            fence = opened[1]
        else:
            yield number, line
