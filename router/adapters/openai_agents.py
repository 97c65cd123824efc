"""OpenAI Agents SDK: an agent with the instructions that are selected for one task.

Needs the extra `whenuse[openai-agents]`.
"""

from __future__ import annotations

from typing import Any

from agents import Agent
from router.router import Router


def routed(agent: Agent[Any], router: Router, task: str) -> Agent[Any]:
    """A copy of `agent` whose instructions end with what the router selects for `task`.

    The agent itself where no rule fits. Instructions that are a function are replaced: what they
    would say is not known before the run.

    Raises `TaskError` for what is no task.

    >>> Runner.run_sync(routed(agent, router, task), task)              # doctest: +SKIP
    """
    context = router.assemble(router.route(task))
    if not context.system:
        return agent
    own = agent.instructions if isinstance(agent.instructions, str) else ""
    said = "\n\n".join(filter(None, (own, context.system)))
    return agent.clone(instructions=said)
