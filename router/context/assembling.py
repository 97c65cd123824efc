"""The text that a model is given: the agent, its prompts, why, and last the task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from router.decision.deciding import Candidate, Decision
from router.errors import printable
from router.library.records import Prompt

Role = Literal["agent", "prompt", "missing", "rationale", "task"]
Trust = Literal["library", "task"]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a context and where it came from.

    `source` is a path within the library and `sha256` that of the file; both are empty for what
    no file holds. `trust` says who wrote the text: the library's author, or the task's.
    """

    role: Role
    title: str
    text: str
    source: str = ""
    sha256: str = ""
    trust: Trust = "library"

    def to_dict(self) -> dict[str, str]:
        return {
            "role": self.role,
            "title": self.title,
            "source": self.source,
            "sha256": self.sha256,
            "trust": self.trust,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Context:
    """An assembled context; after an abstention it holds the task alone."""

    parts: tuple[Part, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Prompts that the rule links to and the library does not have."""
        return tuple(part.source for part in self.parts if part.role == "missing")

    @property
    def instructions(self) -> str:
        """All but the task, as markdown, for a system prompt; "" after an abstention."""
        return "\n".join(_markdown(part) for part in self.parts if part.trust == "library")

    @property
    def text(self) -> str:
        """The context as markdown."""
        return "\n".join(map(_markdown, self.parts))

    def to_dict(self) -> dict[str, Any]:
        return {
            "parts": [part.to_dict() for part in self.parts],
            "missing": list(self.missing),
            "text": self.text,
        }


def assemble(decision: Decision, prompts: dict[str, Prompt]) -> Context:
    """The context of a decision; `prompts` are the library's, by path."""
    parts = [part for match in decision.matches for part in _selected(match, prompts)]
    task = Part("task", "Task", decision.task, trust="task")
    # Several matches may share their agent and some prompts.
    return Context((*dict.fromkeys(parts), task))


def _selected(match: Candidate, prompts: dict[str, Prompt]) -> list[Part]:
    agent, rule = match.target.agent, match.target.rule
    parts = [Part("agent", agent.name, agent.text.strip("\n"), agent.path, agent.sha256)]
    for link in rule.use:
        prompt = prompts.get(link.path or "")
        if prompt is None:
            lost = "The library links to this prompt but does not have it; work without it."
            parts.append(Part("missing", link.title, lost, printable(link.target)))
        else:
            parts.append(Part("prompt", prompt.title, prompt.text, prompt.path, prompt.sha256))
    if rule.rationale:
        parts.append(Part("rationale", rule.title, rule.rationale, agent.path, agent.sha256))
    return parts


_HEADINGS: dict[Role, str] = {
    "agent": "Agent",
    "prompt": "Prompt",
    "missing": "Missing prompt",
    "rationale": "Rationale",
}


def _markdown(part: Part) -> str:
    if part.role == "task":
        fence = _fence(part.text)
        return f"# Task\n\n{fence}\n{part.text}\n{fence}\n"
    return f"# {_HEADINGS[part.role]}: {part.title}\n\nSource: {part.source}\n\n{part.text}\n"


def _fence(text: str) -> str:
    """A run of backticks longer than any in the text, so that no line of it closes the fence.

    >>> _fence("a ```` b")
    '`````'
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)
