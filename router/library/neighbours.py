"""The file that a link to nowhere may mean."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterable

SIMILAR = 0.7
"""As `difflib` measures names: one letter of four may be another."""


class Neighbours:
    """The paths of a library, by folder and by name: not all of them are compared with each link.

    >>> Neighbours(["prompts/ship.md", "docs/a_plan.md"]).of("prompts/A-Plan.md")
    'docs/a_plan.md'
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._folders: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for path in paths:
            self._folders.setdefault(posixpath.dirname(path), []).append(path)
            self._names.setdefault(_letters(path), []).append(path)

    def of(self, path: str) -> str:
        """The path that is meant by `path`, "" if none is near."""
        if alike := self._names.get(_letters(path)):
            return alike[0]
        # By the name alone: what all paths of a folder share says nothing.
        beside = {
            _letters(other): other for other in self._folders.get(posixpath.dirname(path), [])
        }
        near = difflib.get_close_matches(_letters(path), beside, n=1, cutoff=SIMILAR)
        return beside[near[0]] if near else ""


def same_letters(one: str, other: str) -> bool:
    """Whether two paths differ in nothing but their folders, capitals, marks and `.prompt`."""
    return _letters(one) == _letters(other)


def _letters(path: str) -> str:
    name = posixpath.basename(path).casefold().removesuffix(".md").removesuffix(".prompt")
    return re.sub(r"[\W_]", "", name) or name
