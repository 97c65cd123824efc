"""A runtime that picks its instructions per task: the router in front of a pydantic-ai agent.

    python examples/pydantic_ai_agent.py "optimize slow queries"

The model here is pydantic-ai's offline `FunctionModel`, which reports what it was given; put a
real one in its place, such as `Agent("anthropic:claude-sonnet-4-5")`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from router import Router

ROUTER = Router.load(Path(__file__).parent.parent)


def answer(task: str, model: FunctionModel) -> str:
    """Run `task` with the agent and prompts that the library's rules select for it."""
    decision = ROUTER.route(task)
    if decision.abstained:
        return f"No rule fits: {decision.reason}"
    context = ROUTER.assemble(decision)
    # The library's parts are instructions; the task is the user's message.
    agent = Agent(model, instructions=context.system)
    return agent.run_sync(task).output


def echo(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Stands in for a model: says which files its instructions come from, and the task."""
    lines = (info.instructions or "").split("\n")
    sources = [line.removeprefix("Source: ") for line in lines if line.startswith("Source: ")]
    parts = [part for message in messages for part in message.parts]
    (task,) = [part.content for part in parts if isinstance(part, UserPromptPart)]
    return ModelResponse(parts=[TextPart(f"{task}: {', '.join(sources)}")])


if __name__ == "__main__":
    print(answer(" ".join(sys.argv[1:]) or "optimize slow queries", FunctionModel(echo)))
