"""LangChain: a `Runnable` from a task to the messages that a chat model is given.

Needs the extra `whenuse[langchain]`. Messages, not a template: braces in prompts are text.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import Runnable, RunnableConfig

from router.router import Router


class RouteRunnable(Runnable[str, ChatPromptValue]):
    """Puts the context that the router selects before the task.

    The first message is the system's, with the agent and its prompts; after an abstention there is
    none. The last is the task, as the user wrote it.

    Raises `TaskError` for what is no task.

    >>> chain = RouteRunnable(router) | model                           # doctest: +SKIP
    >>> chain.invoke("optimize slow queries")                           # doctest: +SKIP
    """

    def __init__(self, router: Router) -> None:
        self.router = router

    def invoke(
        self, input: str, config: RunnableConfig | None = None, **kwargs: Any
    ) -> ChatPromptValue:
        """The messages for a task."""
        return self._call_with_config(self._messages, input, config, **kwargs)

    def _messages(self, task: str) -> ChatPromptValue:
        context = self.router.assemble(self.router.route(task))
        said: list[BaseMessage] = [HumanMessage(task)]
        if context.system:
            said.insert(0, SystemMessage(context.system))
        return ChatPromptValue(messages=said)
