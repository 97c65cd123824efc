"""What a context is made of: pieces of text, each with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from router.context import formats
from router.library.records import Hint, SectionRole

if TYPE_CHECKING:
    from router.context.fitting import Budget, Dropped

Role = SectionRole | Literal["missing", "rationale", "escalation", "task"]
"""What a part is for: a section of the agent or a prompt (see `SectionRole`), a `missing` prompt,
the rule's `rationale`, an `escalation` trigger that the task touches, the `task`."""

Trust = Literal["library", "task"]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a context and where it came from.

    `title` names the agent, prompt or rule, and `section` the section of an agent's file. `source`
    is a path within the library, `lines` the first and last line there and `sha256` that of the
    whole file; all three are empty for what no file holds. `trust` says who wrote the text: the
    library's author, or the task's. `tokens` counts `text` alone.
    """

    role: Role
    title: str
    text: str
    tokens: int
    source: str = ""
    lines: tuple[int, int] | None = None
    sha256: str = ""
    trust: Trust = "library"
    section: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "title": self.title,
            "section": self.section,
            "source": self.source,
            "lines": self.lines and list(self.lines),
            "sha256": self.sha256,
            "trust": self.trust,
            "tokens": self.tokens,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Context:
    """An assembled context; after an abstention it holds the task alone.

    The parts that do not depend on the task come first, the task last. With a `budget`, `dropped`
    has what it had no room for. `hints` are the agents' common patterns.
    """

    parts: tuple[Part, ...]
    budget: Budget | None = None
    dropped: tuple[Dropped, ...] = ()
    hints: tuple[Hint, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Prompts that the rule links to and the library does not have."""
        return tuple(part.source for part in self.parts if part.role == "missing")

    @property
    def tokens(self) -> int:
        """Of all parts; headings and fences around them are not counted."""
        return sum(part.tokens for part in self.parts)

    @property
    def text(self) -> str:
        """The context as markdown."""
        return formats.render(self.parts, "markdown")

    @property
    def system(self) -> str:
        """All but the task, as markdown: for a system message or an agent's instructions."""
        return formats.instructions(self.parts)

    def render(self, format: formats.Format) -> str:
        """The context as one text; for `openai` and `anthropic` that is JSON.

        Raises `UsageError` for a format that there is not.
        """
        return formats.render(self.parts, format)

    def messages(self, format: formats.ChatFormat) -> dict[str, Any]:
        """What to hand to a provider's client: `create(**context.messages("openai"), model=…)`.

        `openai` has `messages`; `anthropic` has `system`, its stable part marked for the cache, and
        `messages`. The task is the user's message, as it is.
        """
        return formats.messages(self.parts, format)

    def to_dict(self) -> dict[str, Any]:
        return {
            "parts": [part.to_dict() for part in self.parts],
            "missing": list(self.missing),
            "budget": self.budget and self.budget.to_dict(),
            "dropped": [dropped.to_dict() for dropped in self.dropped],
            "hints": [hint.to_dict() for hint in self.hints],
            "text": self.text,
        }
