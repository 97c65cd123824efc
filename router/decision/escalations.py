"""Which of the agent's escalation triggers a task touches, and with which words.

A trigger is touched when the task has at least half of the telling words of its title, by their
stems. What stands in the When or title of two or more of the agent's rules is its daily work and
tells nothing.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from router.library.records import Agent, Trigger
from router.model.text import STOP_WORDS, stem, words

if TYPE_CHECKING:
    from router.decision.deciding import Decision


class Escalation(NamedTuple):
    """A trigger of an agent, and the words of the task that touched it."""

    agent: Agent
    trigger: Trigger
    words: tuple[str, ...]

    @property
    def source(self) -> str:
        return f"{self.agent.path}:{self.trigger.line}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "agent": self.agent.id,
            "trigger": self.trigger.title,
            "text": self.trigger.text,
            "words": list(self.words),
            "source": self.source,
        }


def touched(decision: Decision) -> tuple[Escalation, ...]:
    """The triggers of the matches' agents that the task touches, in the order of their files."""
    pages = decision.model.pages if decision.model else {}
    agents = {match.target.agent.path: match.target.agent for match in decision.matches}
    if not any(path in pages and pages[path].triggers for path in agents):
        return ()
    said: dict[str, str] = {}
    for word in words(decision.task):
        said.setdefault(stem(word), word)
    found = []
    for path, agent in agents.items():
        for trigger in pages[path].triggers if path in pages else ():
            title, text = _stems(trigger.title), _stems(trigger.text)
            telling = title - _daily(tuple(f"{rule.title} {rule.when}" for rule in agent.rules))
            heard = telling & said.keys()
            if heard and 2 * len(heard) >= len(telling):
                by = tuple(word for stem, word in said.items() if stem in title | text)
                found.append(Escalation(agent, trigger, by))
    return tuple(found)


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(text) if word not in STOP_WORDS)


@lru_cache(maxsize=1024)
def _daily(rules: tuple[str, ...]) -> frozenset[str]:
    """The stems that two or more rules of the agent have."""
    uses = Counter(stem for rule in rules for stem in _stems(rule))
    return frozenset(stem for stem, count in uses.items() if count > 1)
