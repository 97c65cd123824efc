"""What each page of a compiled library is made of, parsed when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from router.library.records import Hint, Page, Section, Stop, Trigger


class Pages(Mapping[str, Page]):
    """Pages by path, read from the JSON that `artifact.paged` wrote: routing needs none of them.

    Safe to share between threads: what two of them make at once is equal.
    """

    def __init__(self, written: bytes | memoryview = b"{}") -> None:
        self._written = written
        self._rows: dict[str, str] | None = None
        self._made: dict[str, Page] = {}

    def __getitem__(self, path: str) -> Page:
        page = self._made.get(path)
        if page is None:
            page = self._made[path] = _page(*json.loads(self._parsed()[path]))
        return page

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())

    def _parsed(self) -> dict[str, str]:
        if self._rows is None:
            self._rows = json.loads(bytes(self._written))
        return self._rows


def _page(sections: list[Any], triggers: list[Any], hints: list[Any]) -> Page:
    return Page(
        tuple(
            Section(role, title, start, line, tuple(map(Stop._make, stops)))
            for role, title, start, line, stops in sections
        ),
        tuple(map(Trigger._make, triggers)),
        tuple(
            Hint(title, pattern, tuple(decompose), tuple(context), validation)
            for title, pattern, decompose, context, validation in hints
        ),
    )
