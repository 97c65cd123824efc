"""The simplest router there is, a plain function, as something to compare with.

route eval tests/tasks.jsonl --router examples.keyword_router:rank
"""

from __future__ import annotations

import re
from functools import cache

from router import Router


@cache
def vocabulary() -> dict[str, frozenset[str]]:
    """The words of each rule's title and When."""
    return {
        route.id: frozenset(re.findall(r"\w{3,}", f"{route.rule.title} {route.rule.when}".lower()))
        for route in Router.load(".").routes
    }


def rank(task: str) -> list[str]:
    """The rules that share words with the task, the most first; none if there are none."""
    words = set(re.findall(r"\w{3,}", task.lower()))
    shared = {route: len(words & known) for route, known in vocabulary().items()}
    return sorted((route for route in shared if shared[route]), key=lambda route: -shared[route])
