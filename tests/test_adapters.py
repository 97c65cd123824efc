"""The router inside agent frameworks: the real packages, offline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from router import Router, TaskError

TASK = "ship the release"
FITS_NOT = "xqzt flrb"
ODD = "{x} {{ x }} ${{ x }} {% x %} ``` $HOME"


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Router:
    """One rule whose prompt is full of what templates and shells would take for theirs."""
    root = tmp_path_factory.mktemp("adapters")
    (root / "agents").mkdir()
    (root / "prompts").mkdir()
    (root / "prompts/ship.md").write_text(f"# Shipping\n\n{ODD}\n")
    (root / "agents/deployer.md").write_text(
        "---\nname: deployer\ndescription: Brings versions to production\n---\n"
        "## Dynamic Prompt Selection\n\n### Releases\n**When**: Shipping a release\n"
        "**Use**: [Shipping](../prompts/ship.md)\n"
    )
    return Router.load(root)


def test_langchain(router: Router) -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.runnables import RunnableLambda

    from router.adapters.langchain import RouteRunnable

    system, human = RouteRunnable(router).invoke(TASK).to_messages()
    assert (system.type, human.type) == ("system", "human")
    assert human.content == TASK
    assert ODD in system.content
    assert TASK not in system.content
    (alone,) = RouteRunnable(router).invoke(FITS_NOT).to_messages()
    assert alone.content == FITS_NOT
    chain = RouteRunnable(router) | RunnableLambda(lambda value: value.to_messages()[-1].content)
    assert chain.batch([TASK, ODD]) == [TASK, ODD]
    assert asyncio.run(chain.ainvoke(TASK)) == TASK
    with pytest.raises(TaskError):
        RouteRunnable(router).invoke("")


def test_pydantic_ai(router: Router) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    from router.adapters.pydantic_ai import route_instructions

    def echo(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(info.instructions or "nothing")])

    agent = Agent(FunctionModel(echo), instructions=route_instructions(router))
    assert ODD in asyncio.run(agent.run(TASK)).output
    assert ODD in asyncio.run(agent.run(["please", TASK])).output
    assert asyncio.run(agent.run(FITS_NOT)).output == "nothing"


def test_openai_agents(router: Router) -> None:
    pytest.importorskip("agents.run", reason="needs openai-agents")
    from agents import Agent
    from router.adapters.openai_agents import routed

    agent = Agent(name="crew", instructions="Be brief.")
    said = routed(agent, router, TASK).instructions
    assert isinstance(said, str)
    assert said.startswith("Be brief.\n\n# Agent: deployer")
    assert ODD in said
    assert agent.instructions == "Be brief."
    assert routed(agent, router, FITS_NOT) is agent
    computed = Agent(name="crew", instructions=lambda context, agent: "computed")
    assert str(routed(computed, router, TASK).instructions).startswith("# Agent: deployer")


@pytest.mark.parametrize(
    ("task", "default", "selected"),
    [(TASK, None, [1]), (FITS_NOT, None, []), (FITS_NOT, 0, [0])],
)
@pytest.mark.parametrize("name", ["deployer", "deployer/releases"])
def test_llama_index(
    router: Router, name: str, task: str, default: int | None, selected: list[int]
) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.tools.types import ToolMetadata

    from router.adapters.llama_index import RouteSelector

    selector = RouteSelector(router, default=default)
    choices = [ToolMetadata("Answers", name="other"), ToolMetadata("Ships", name=name)]
    found = selector.select(choices, task)
    assert [selection.index for selection in found.selections] == selected
    assert all(selection.reason for selection in found.selections)
    assert asyncio.run(selector.aselect(choices, task)) == found


def test_the_core_needs_no_framework(library: Callable[[str], Path]) -> None:
    """The adapters are nobody's import but their users'."""
    root = Path(__file__).parent.parent / "router"
    for path in root.rglob("*.py"):
        if path.parent.name != "adapters":
            assert "router.adapters" not in path.read_text()
