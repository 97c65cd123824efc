"""Any semantic-router `RouteLayer` or `SemanticRouter` judged by the cases of this package.

    route eval tests/tasks.jsonl --router examples.semantic_router_adapter:rank

Here the routes are the rules of a library, with their When and Examples as utterances. Needs
`pip install semantic-router` and an encoder; put your own router in the place of `build`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from router import Router


def adapted(router: Callable[[str], Any]) -> Callable[[str], list[tuple[str, float]]]:
    """A function from a task to (label, confidence), from a router that answers `RouteChoice`.

    That has a `name`, None where no route fits, and a `similarity_score`; some versions answer a
    list of them.
    """

    def rank(task: str) -> list[tuple[str, float]]:
        found = router(task)
        choices = found if isinstance(found, list) else [found]
        return [(c.name, c.similarity_score or 0.0) for c in choices if c.name]

    return rank


@cache
def build() -> Callable[[str], Any]:
    """A semantic router over the rules of the library in the current folder."""
    from semantic_router import Route  # type: ignore[import-not-found, unused-ignore]
    from semantic_router.encoders import FastEmbedEncoder  # type: ignore[import-not-found, unused-ignore]
    from semantic_router.routers import SemanticRouter  # type: ignore[import-not-found, unused-ignore]

    routes = [
        Route(name=route.id, utterances=[route.rule.when, *route.rule.examples])
        for route in Router.load(".").routes
    ]
    found: Callable[[str], Any] = SemanticRouter(
        encoder=FastEmbedEncoder(), routes=routes, auto_sync="local"
    )
    return found


def rank(task: str) -> list[tuple[str, float]]:
    """What `route eval --router` calls."""
    return adapted(build())(task)
