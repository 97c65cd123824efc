"""What a library holds, as plain values that every stage hands on.

Standard library only: the routing path reads these back from a compiled model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A heading's range in its page: 0-based lines, the heading's own first, `last` exclusive."""

    title: str
    level: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Link:
    """A prompt as a rule's `Use` names it.

    `target` is as written; `path` is the file found for it, None if there is none.
    """

    title: str
    target: str
    line: int
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an agent. `line` is that of its heading in the source file."""

    title: str
    slug: str
    when: str
    use: tuple[Link, ...] = ()
    rationale: str = ""
    not_when: str = ""
    examples: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent file, of our format or another (see `formats`).

    `id` is the first half of its routes' ids, `name` what people read. `text` is the rendered
    body; `lines[i]` is the file's line that its line `i` came from.
    """

    id: str
    name: str
    description: str
    icon: str
    tools: tuple[str, ...]
    path: str
    sha256: str
    text: str
    lines: tuple[int, ...]
    role: str
    responsibilities: str
    sections: tuple[Section, ...]
    rules: tuple[Rule, ...]
    format: str = "agent"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file; `text` is its body as a model will read it."""

    path: str
    title: str
    description: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of one agent: what a task is matched to. Its id is `agent/rule-slug`."""

    agent: Agent
    rule: Rule

    @property
    def id(self) -> str:
        return f"{self.agent.id}/{self.rule.slug}"

    def to_dict(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "route": self.id,
            "agent": self.agent.id,
            "rule": rule.title,
            "when": rule.when,
            "not_when": rule.not_when,
            "examples": list(rule.examples),
            "rationale": rule.rationale,
            "bundle": [link.path or link.target for link in rule.use],
            "source": f"{self.agent.path}:{rule.line}",
        }


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """A task and the routes that it belongs to, none of them if no rule fits.

    `path` and `line` say where it is written.
    """

    task: str
    expect: tuple[str, ...]
    path: str
    line: int

    @property
    def label(self) -> str:
        """What `expect` says, for people."""
        return " + ".join(self.expect) or "none"

    @property
    def source(self) -> str:
        return f"{self.path}:{self.line}"
