"""A library written for hosts that choose in context: as skills, as Copilot agents, as AGENTS.md.

What a format cannot hold is said, never dropped in silence.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from router.errors import Fault
from router.library.formats import FORMATS
from router.library.records import Agent, Link, Prompt, Route
from router.model.scores import Model

SKILL = next(kind for kind in FORMATS if kind.name == "skill")
MAX_COPILOT_CHARS = 30_000
"""Of a Copilot agent's instructions; docs.github.com, "Custom agents configuration"."""


@dataclass(frozen=True, slots=True)
class Export:
    """Files by their path relative to the folder that they are for, and what they do not hold."""

    files: Mapping[str, bytes]
    losses: tuple[Fault, ...]


def export(model: Model, target: str) -> Export:
    """The library's files in another format, one of `TARGETS`.

    Skills have one folder a rule: its description is made from When, Not when and Examples, its
    body is the agent's without the rules, and the prompts are its references. A Copilot agent has
    its rules in its body. AGENTS.md lists all rules, and lies beside agents and prompts that this
    program reads as they are. Raises `KeyError` for another target.

    >>> sorted(export(model, "claude-skills").files)  # doctest: +SKIP
    ['backend-developer-database-optimization/SKILL.md', …]
    """
    made = _Made(model)
    TARGETS[target](made)
    return Export(made.files, tuple(sorted(set(made.losses))))


@dataclass(slots=True)
class _Made:
    """What has been made of a library so far."""

    model: Model
    files: dict[str, bytes] = field(default_factory=dict)
    losses: list[Fault] = field(default_factory=list)

    def write(self, path: str, front: Mapping[str, Any], body: str) -> None:
        said = {key: value for key, value in front.items() if value not in ("", [], ())}
        text = yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=1_000_000)
        self.files[path] = f"---\n{text}---\n{_ended(body)}".encode()

    def lose(self, path: str, line: int, message: str) -> None:
        self.losses.append(Fault(path, line, message, "warning"))

    def left_out(self, agent: Agent, **parts: object) -> None:
        if said := [name for name, value in parts.items() if value]:
            self.lose(agent.path, 1, f"left out: {', '.join(said)}; the format has no place for it")

    def settings_left_out(self) -> None:
        if self.model.routing is not None:
            self.lose("project.yaml", 1, "left out: `routing`; a host chooses by itself")
        for path in sorted({task.path for task in self.model.tasks}):
            self.lose(path, 1, "left out: labelled tasks; a host does not learn from them")


def _skills(made: _Made) -> None:
    prompts = {prompt.path: prompt for prompt in made.model.prompts}
    names: set[str] = set()
    for route in made.model.routes:
        agent, rule = route.agent, route.rule
        chosen = _selects(made.model, agent)
        wanted = f"{agent.id}-{rule.slug}" if chosen else agent.id
        name = _unique(_plain_name(wanted)[: SKILL.max_name].strip("-") or "skill", names)
        if name != wanted:
            made.lose(agent.path, rule.line, f"`{wanted}` is called `{name}`; a skill's name has"
                      f" small letters, digits and hyphens, {SKILL.max_name} at most")  # fmt: skip
        if not chosen and agent.name != agent.id:
            made.lose(agent.path, 1, f"the name `{agent.name}` is written as `{name}`")
        description = _fitting(made, route, _claims(route) if chosen else [agent.description])
        links = _references(rule.bundle, prompts)
        body = _relinked(_without_rules(made.model, agent) if chosen else agent.text,
                         [*rule.use, *rule.included], links)  # fmt: skip
        if chosen:
            body = f"{body.rstrip()}\n\n{_steps(route, links)}"
        tools = " ".join(agent.tools) if agent.format == SKILL.name else ""
        made.write(
            f"{name}/SKILL.md",
            {"name": name, "description": description, SKILL.tools: tools},
            body,
        )
        for link in rule.bundle:
            if link.path is None:
                made.lose(agent.path, link.line, f"left out: `{link.target}`, which is not there")
            else:
                made.files[f"{name}/{links[link.path]}"] = _page(prompts[link.path]).encode()
        made.left_out(agent, icon=agent.icon, tools=agent.tools and not tools)
    made.settings_left_out()


def _copilot(made: _Made) -> None:
    stems = _stems(prompt.path for prompt in made.model.prompts)
    files = {path: f"{stem}.prompt.md" for path, stem in stems.items()}
    names: set[str] = set()
    for agent in made.model.agents:
        file = _unique(agent.id, names)
        links = {path: f"../prompts/{name}" for path, name in files.items()}
        body = _relinked(agent.text, _links(agent), links)
        if len(body) > MAX_COPILOT_CHARS:
            made.lose(agent.path, 1, f"{len(body)} characters; Copilot reads {MAX_COPILOT_CHARS},"
                      " so the rest is lost there: shorten it")  # fmt: skip
        made.write(
            f".github/agents/{file}.agent.md",
            {"name": agent.name, "description": agent.description, "tools": list(agent.tools)},
            body,
        )
        made.left_out(agent, icon=agent.icon)
    for prompt in made.model.prompts:
        front = {"name": stems[prompt.path], "title": prompt.title}
        made.write(
            f".github/prompts/{files[prompt.path]}",
            front | {"description": prompt.description},
            prompt.text,
        )
    made.settings_left_out()


def _agents_md(made: _Made) -> None:
    stems = _stems(prompt.path for prompt in made.model.prompts)
    names: set[str] = set()
    index = [f"# {made.model.project}", _HOW_TO_CHOOSE]
    for agent in made.model.agents:
        file = f"agents/{_unique(agent.id, names)}.md"
        links = {path: f"../prompts/{stem}.md" for path, stem in stems.items()}
        made.write(
            file,
            {
                "name": agent.id,
                "description": agent.description,
                "icon": agent.icon,
                "tools": ", ".join(agent.tools),
                "template": "none",
            },
            _relinked(agent.text, _links(agent), links),
        )
        if agent.name != agent.id:
            made.lose(agent.path, 1, f"the name `{agent.name}` is written as `{agent.id}`")
        index.append(f"## {agent.id}\n\n{agent.description}\n\nInstructions: [{file}]({file})")
        if _selects(made.model, agent):
            index += [_entry(Route(agent, rule), stems) for rule in agent.rules]
    for prompt in made.model.prompts:
        front = {"title": prompt.title, "description": prompt.description}
        made.write(f"prompts/{stems[prompt.path]}.md", front, prompt.text)
    made.files["AGENTS.md"] = ("\n\n".join(index) + "\n").encode()
    made.settings_left_out()


TARGETS: dict[str, Callable[[_Made], None]] = {
    "claude-skills": _skills,
    "copilot": _copilot,
    "agents-md": _agents_md,
}

_HOW_TO_CHOOSE = """\
Before you begin a task, choose the one rule below whose *When* describes it and whose *Not when*
does not. Read the instructions of its agent, then the prompts that it names, in that order, and
follow them. If no rule describes the task, go on without."""


def _entry(route: Route, stems: Mapping[str, str]) -> str:
    """A rule in the index of AGENTS.md."""
    rule = route.rule
    read = [
        f"[{link.title}](prompts/{stems[link.path]}.md)" if link.path else f"{link.title} (missing)"
        for link in rule.bundle
    ]
    said = {
        "When": rule.when,
        "Not when": rule.not_when,
        "For example": "; ".join(f"“{example}”" for example in rule.examples),
        "Read": ", ".join(read),
    }
    lines = [f"- **{name}**: {' '.join(text.split())}" for name, text in said.items() if text]
    return "\n".join([f"### {rule.title}", "", *lines])


def _selects(model: Model, agent: Agent) -> bool:
    """Whether the agent's file has rules of its own; else all of it is one."""
    page = model.pages.get(agent.path)
    return page is not None and any(part.role == "selection" for part in page.sections)


def _without_rules(model: Model, agent: Agent) -> str:
    kept = [
        agent.text[part.start : part.last.end].strip("\n")
        for part in model.pages[agent.path].sections
        if part.role != "selection"
    ]
    return "\n\n".join(filter(None, kept)) + "\n"


def _claims(route: Route) -> list[str]:
    """What a description says of a rule, the most important first."""
    rule = route.rule
    said = [f"{rule.title}. Use when: {_sentence(rule.when)}"]
    if rule.not_when:
        said.append(f"Do not use when: {_sentence(rule.not_when)}")
    return said


def _sentence(text: str) -> str:
    """
    >>> _sentence("slow  queries"), _sentence("Really?")
    ('slow queries.', 'Really?')
    """
    text = " ".join(text.split())
    return text if not text or text[-1] in ".!?…。" else f"{text}."


def _fitting(made: _Made, route: Route, claims: Sequence[str]) -> str:
    """The claims and as many of the rule's Examples as a skill's description has room for."""
    most, kept = SKILL.max_description, list(claims)
    examples = [f"“{' '.join(example.split())}”" for example in route.rule.examples]
    while len(description := _described(kept, examples)) > most and (examples or len(kept) > 1):
        (examples or kept).pop()
    path, line = route.agent.path, route.rule.line
    if lost := len(route.rule.examples) - len(examples):
        made.lose(path, line, f"{lost} Examples are left out of the description, which has room"
                  f" for {most} characters")  # fmt: skip
    if len(kept) < len(claims):
        made.lose(path, line, f"Not when is left out of the description, which has room for {most}"
                  " characters; shorten it")  # fmt: skip
    if len(description) > most:
        made.lose(path, line, f"a description of {len(description)} characters is cut to {most};"
                  " shorten it")  # fmt: skip
        description = description[: most - 1].rsplit(" ", 1)[0] + "…"
    return description


def _described(claims: Sequence[str], examples: Sequence[str]) -> str:
    shown = [f"For example: {'; '.join(examples)}."] if examples else []
    return " ".join([*claims, *shown])


def _steps(route: Route, links: Mapping[str, str]) -> str:
    """What a skill says last: the prompts to follow, and why these."""
    rule = route.rule
    lines = [f"## {rule.title}", ""]
    if rule.rationale:
        lines += [_sentence(rule.rationale), ""]
    read = [f"{link.title}]({links[link.path]})" for link in rule.bundle if link.path]
    if read:
        lines += ["Read these before you begin, and follow them in order:", ""]
        lines += [f"{number}. [{text}" for number, text in enumerate(read, start=1)]
    return "\n".join(lines).rstrip() + "\n"


def _references(bundle: Sequence[Link], prompts: Mapping[str, Prompt]) -> dict[str, str]:
    """Where in a skill's folder the prompts of a bundle are."""
    stems = _stems(link.path for link in bundle if link.path in prompts)
    return {path: f"references/{stem}.md" for path, stem in stems.items()}


def _links(agent: Agent) -> list[Link]:
    return [link for rule in agent.rules for link in rule.use]


def _relinked(text: str, links: Iterable[Link], places: Mapping[str, str]) -> str:
    """The text, its links to prompts leading to where those are now."""
    targets = {
        link.target: places[link.path] for link in links if link.path and link.path in places
    }
    if not targets:
        return text
    pattern = "|".join(re.escape(target) for target in sorted(targets, key=len, reverse=True))
    return re.sub(rf"\]\(({pattern})\)", lambda found: f"]({targets[found[1]]})", text)


def _page(prompt: Prompt) -> str:
    """A prompt without front matter: its title is a heading."""
    body = _ended(prompt.text.lstrip("\n"))
    return body if body.startswith("#") else f"# {prompt.title}\n\n{body}"


def _ended(text: str) -> str:
    return text.rstrip("\n") + "\n"


def _stems(paths: Iterable[str | None]) -> dict[str, str]:
    """A file name for each path, all of them different."""
    taken: set[str] = set()
    return {
        path: _unique(re.sub(r"(\.prompt)?\.(md|txt)$", "", posixpath.basename(path)), taken)
        for path in dict.fromkeys(filter(None, paths))
    }


def _plain_name(name: str) -> str:
    """A name of ASCII small letters, digits and hyphens.

    >>> _plain_name("Café_Crème")
    'cafe-creme'
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


def _unique(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken; from now on it is."""
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name[: SKILL.max_name - 4]}-{number}"
    taken.add(free.casefold())
    return free
