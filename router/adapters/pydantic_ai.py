"""pydantic-ai: instructions that are selected for each run's prompt.

Needs the extra `whenuse[pydantic-ai]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_ai import RunContext

from router.router import Router


def route_instructions(router: Router) -> Callable[[RunContext[Any]], str]:
    """A function for `Agent(…, instructions=…)`: what the router selects for the run's prompt.

    Of a prompt in several pieces its texts count. Nothing is added where no rule fits, or the
    prompt is no task.

    >>> agent = Agent(model, instructions=route_instructions(router))   # doctest: +SKIP
    """

    def instructions(run: RunContext[Any]) -> str:
        prompt = run.prompt or ""
        pieces = [prompt] if isinstance(prompt, str) else prompt
        task = "\n".join(piece for piece in pieces if isinstance(piece, str))
        if not task.strip():
            return ""
        return router.assemble(router.route(task)).system

    return instructions
