"""A provider for promptfoo, which tests the router beside the prompts that it leads to.

promptfoo reads a Python file, of one line: `from router.evaluation.promptfoo import call_api`
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from router.errors import RouterError
from router.library.source import find_library, shipped_library
from router.router import Router

NONE = "none"


def call_api(prompt: str, options: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Route a prompt: the output is the id of the route, several of them a line each, or `none`.

    `options["config"]` may name the `library` and an `agent`, and ask with `output: context` for
    the context that a model would be given instead. `metadata` has the whole decision. What cannot
    be routed is an `error`, as promptfoo wants it.
    """
    config = options.get("config") or {}
    try:
        router = _router(str(config.get("library") or find_library(".") or shipped_library()))
        decision = router.route(prompt, agent=config.get("agent"))
    except RouterError as error:
        return {"error": str(error)}
    if config.get("output") == "context":
        output = router.assemble(decision).text
    else:
        output = "\n".join(match.route for match in decision.matches) or NONE
    return {"output": output, "metadata": decision.to_dict()}


@lru_cache(maxsize=8)
def _router(library: str) -> Router:
    return Router.load(library)
