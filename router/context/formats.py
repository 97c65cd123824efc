"""The same parts as markdown, tagged sections, JSON or a provider's messages.

The parts that do not depend on the task come first, byte for byte the same for every task, so that
a provider's prompt cache finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from router.context.boundary import fence, tag
from router.errors import UsageError

if TYPE_CHECKING:
    from router.context.parts import Part

ChatFormat = Literal["openai", "anthropic"]
Format = Literal["markdown", "xml", "json"] | ChatFormat
FORMATS: tuple[Format, ...] = ("markdown", "xml", "json", *get_args(ChatFormat))

_HEADINGS = {
    "prompt": "Prompt",
    "missing": "Missing prompt",
    "rationale": "Rationale",
    "escalation": "Escalation",
}

_TAGS = {
    "section": "agent_section",
    "selection": "prompt_selection",
    "gates": "quality_gates",
    "triggers": "escalation_triggers",
    "patterns": "common_patterns",
    "missing": "missing_prompt",
}


def render(parts: Sequence[Part], format: Format) -> str:
    """The parts as one text."""
    check_format(format)
    if format in ("markdown", "xml"):
        return _framed(parts, FRAMES[format])
    import json  # late: markdown needs none of it

    value = messages(parts, format) if format in get_args(ChatFormat) else _listed(parts)
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def messages(parts: Sequence[Part], format: str) -> dict[str, Any]:
    """The keyword arguments of a provider's client that say what the model reads."""
    if format not in get_args(ChatFormat):
        raise UsageError(f"format: `{format}` has no messages; there are openai and anthropic")
    stable, touched, task = chapters(parts)
    user = [{"role": "user", "content": task}] if task else []
    if format == "openai":
        system = instructions(parts)
        return {"messages": ([{"role": "system", "content": system}] if system else []) + user}
    blocks: list[dict[str, Any]] = []
    if stable:
        cache = {"type": "ephemeral"}
        blocks.append({"type": "text", "text": stable, "cache_control": cache})
    if touched:
        blocks.append({"type": "text", "text": touched})
    return {"system": blocks, "messages": user}


def instructions(parts: Sequence[Part]) -> str:
    """All but the task, as markdown; what no task changes comes first."""
    stable, touched, _ = chapters(parts)
    return "\n".join(filter(None, (stable, touched)))


def chapters(parts: Sequence[Part]) -> tuple[str, str, str]:
    """For a chat: what depends on no task, what the task touches, and the task; "" for none."""
    stable = [part for part in parts if part.role not in ("escalation", "task")]
    touched = [part for part in parts if part.role == "escalation"]
    task = "".join(part.text for part in parts if part.role == "task")
    return _framed(stable, markdown_frame), _framed(touched, markdown_frame), task


def contents(parts: Sequence[Part], format: Format) -> tuple[str, ...]:
    """The texts that a model reads, for counting their tokens."""
    return chapters(parts) if format in get_args(ChatFormat) else (render(parts, format),)


def check_format(format: str) -> None:
    """Raise `UsageError` for a format that there is not."""
    if format not in FORMATS:
        raise UsageError(f"format: no format `{format}`; there are {', '.join(FORMATS)}")


def markdown_frame(part: Part, before: Part | None) -> tuple[str, str]:
    """What stands around a part in markdown; `before` is the part before it."""
    if part.role == "task":
        marks = fence(part.text)
        return f"# Task\n\n{marks}\n", f"\n{marks}\n"
    heading = _HEADINGS.get(part.role)
    if heading is None:
        if before is not None and before.role not in _HEADINGS and before.source == part.source:
            return "", "\n\n"  # one more section of the same agent
        heading = "Agent"
    return f"# {heading}: {part.title}\n\nSource: {part.source}\n\n", "\n\n"


def xml_frame(part: Part, before: Part | None) -> tuple[str, str]:
    """What stands around a part as a tagged section: tags that its text does not have."""
    name = tag(_TAGS.get(part.role, part.role), part.text)
    if part.role == "task":
        return f"<{name}>\n", f"\n</{name}>\n"
    said = {"title": part.title, "section": part.section, "source": part.source}
    attributes = "".join(f' {key}="{_attribute(value)}"' for key, value in said.items() if value)
    return f"<{name}{attributes}>\n", f"\n</{name}>\n\n"


Frame = Callable[["Part", "Part | None"], tuple[str, str]]
FRAMES: dict[str, Frame] = {"markdown": markdown_frame, "xml": xml_frame}


def _attribute(value: str) -> str:
    for char, escaped in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        value = value.replace(char, escaped)
    return value


def _framed(parts: Sequence[Part], frame: Frame) -> str:
    pieces: list[str] = []
    before: Part | None = None
    for part in parts:
        opening, closing = frame(part, before)
        pieces += (opening, part.text, closing)
        before = part
    if pieces and pieces[-1].endswith("\n\n"):
        pieces[-1] = pieces[-1][:-1]
    return "".join(pieces)


def _listed(parts: Sequence[Part]) -> dict[str, Any]:
    """What a model needs to know of each part; the rest is in `Part.to_dict`."""
    listed = []
    for part in parts:
        said = {
            "role": part.role,
            "title": part.title,
            "section": part.section,
            "source": part.source,
        }
        listed.append({key: value for key, value in said.items() if value} | {"text": part.text})
    return {"parts": listed}
