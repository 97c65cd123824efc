"""LlamaIndex: a selector that picks among query engines or tools without asking a model.

Needs the extra `whenuse[llama-index]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import QueryBundle
from llama_index.core.tools.types import ToolMetadata

from router.router import Router


class RouteSelector(BaseSelector):
    """Selects the choices that are called like the routes, or agents, that fit a query.

    The reason is the decision's. Where no rule fits, or none that is called like a choice, the
    choice number `default` is selected, and nothing if that is None.

    Raises `TaskError` for a query that is no task.

    >>> selector = RouteSelector(router)                                # doctest: +SKIP
    >>> RouterQueryEngine(selector=selector, query_engine_tools=tools)  # doctest: +SKIP
    """

    def __init__(self, router: Router, *, default: int | None = None) -> None:
        super().__init__()
        self._router = router
        self._default = default

    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        decision = self._router.route(query.query_str)
        named = {choice.name: number for number, choice in enumerate(choices)}
        found = [
            named[name]
            for match in decision.matches
            for name in (match.route, match.agent)
            if name in named
        ]
        if not found and self._default is not None:
            found = [self._default]
        return SelectorResult(
            selections=[
                SingleSelection(index=number, reason=decision.reason)
                for number in dict.fromkeys(found)
            ]
        )

    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        return self._select(choices, query)

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """There are none: the library's rules select."""
