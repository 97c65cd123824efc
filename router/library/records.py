"""What a library holds, as plain values that every stage hands on.

Standard library only: the routing path reads these back from a compiled model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

SectionRole = Literal[
    "agent", "section", "selection", "checklist", "gates", "triggers", "patterns", "prompt"
]
"""What a section of a page is. In an agent file `agent` says who it is (role, responsibilities),
`selection` are its rules and `section` is any other; all of a prompt file is `prompt`."""


# Named tuples, as is everything of a page: a process that routes one task pays ten times as much
# for a dataclass.
class Stop(NamedTuple):
    """A place where a section may end: before the character `end` of its page, in the file's
    `line`. `tokens` are estimated from the section's start."""

    end: int
    tokens: int
    line: int


class Section(NamedTuple):
    """A stretch of a page: from the character `start`, in the file's `line`, to its last stop."""

    role: SectionRole
    title: str
    start: int
    line: int
    stops: tuple[Stop, ...]

    @property
    def last(self) -> Stop:
        """Where all of it ends."""
        return self.stops[-1]


class Trigger(NamedTuple):
    """One entry of an agent's escalation triggers: when to hand the task on, and why."""

    title: str
    text: str
    line: int


class Hint(NamedTuple):
    """One of an agent's common patterns: how a task of this kind is taken apart and checked."""

    title: str
    pattern: str
    decompose: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    validation: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "pattern": self.pattern,
            "decompose": list(self.decompose),
            "context": list(self.context),
            "validation": self.validation,
        }


class Page(NamedTuple):
    """What the text of an agent or prompt file is made of, in order."""

    sections: tuple[Section, ...]
    triggers: tuple[Trigger, ...] = ()
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A prompt as a rule's `Use` names it.

    `target` is as written; `path` is the file found for it, None if there is none.
    """

    title: str
    target: str
    line: int
    path: str | None = None


IMPLICIT = "main"
"""The one rule of a page that has no rules: all of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an agent. `line` is that of its heading in the source file.

    `included` are the prompts that those of `use` include, directly or through others;
    `rationale_line` is 0 where it is not known.
    """

    title: str
    slug: str
    when: str
    use: tuple[Link, ...] = ()
    rationale: str = ""
    not_when: str = ""
    examples: tuple[str, ...] = ()
    line: int = 1
    rationale_line: int = 0
    included: tuple[Link, ...] = ()

    @property
    def bundle(self) -> tuple[Link, ...]:
        """The prompts that a model will read: those of the rule, then what they include."""
        return self.use + self.included


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
            "format": self.agent.format,
            "rule": rule.title,
            "when": rule.when,
            "not_when": rule.not_when,
            "examples": list(rule.examples),
            "rationale": rule.rationale,
            "bundle": [link.path or link.target for link in rule.bundle],
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
