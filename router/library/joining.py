"""Several libraries as one: each with a name of its own before its agents and its paths.

A route of the library `ops` is called `ops:deployer/rollout`, its files `ops/agents/deployer.md`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from router.errors import Fault, UsageError
from router.library.folder import Library
from router.library.records import Agent, LabelledTask, Link, Page, Prompt, Rule
from router.library.rules import slug
from router.library.source import SETTINGS

_NAMED = re.compile(r"(?P<name>[\w.-]+)=(?P<folder>.+)", re.DOTALL)


def namespaces(places: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """The folders by the names of their libraries, in order.

    A place is a folder, called as itself (a second one of that name `name-2`), or `NAME=FOLDER`.
    Raises `UsageError` for a name that is given twice.

    >>> namespaces(["team/prompts", "ops=/srv/agents", "other/prompts"])
    {'prompts': 'team/prompts', 'ops': '/srv/agents', 'prompts-2': 'other/prompts'}
    """
    found: dict[str, str] = {}
    for place in (os.fspath(place) for place in places):
        said = None if os.path.isdir(place) else _NAMED.fullmatch(place)
        if said is None:
            name = first = slug(os.path.basename(os.path.realpath(place)))
            number = 1
            while name in found:
                number += 1
                name = f"{first}-{number}"
            found[name] = place
        elif said["name"] in found:
            raise UsageError(f"library: `{said['name']}` names two libraries; rename one")
        else:
            found[said["name"]] = said["folder"]
    return found


def joined(libraries: Mapping[str, Library]) -> Library:
    """The libraries as one, in order.

    An agent that an earlier library has, byte for byte, is left out; a warning says so, and another
    that a tuned threshold, which belongs to the rules it was tuned with, does not count here.
    """
    agents: list[Agent] = []
    prompts: list[Prompt] = []
    faults: list[Fault] = []
    tasks: list[LabelledTask] = []
    pages: dict[str, Page] = {}
    first: dict[str, str] = {}
    for name, library in libraries.items():
        kept: set[str] = set()
        for agent in library.agents:
            named = _named(agent, name)
            if other := first.get(agent.sha256):
                message = f"is the same as {other}; left out"
                faults.append(Fault(named.path, 1, message, "warning", "R031"))
                continue
            kept.add(agent.id)
            agents.append(named)
        first |= {
            agent.sha256: f"{name}/{agent.path}" for agent in library.agents if agent.id in kept
        }
        prompts += [replace(prompt, path=f"{name}/{prompt.path}") for prompt in library.prompts]
        faults += [replace(fault, path=f"{name}/{fault.path}") for fault in library.faults]
        pages |= {f"{name}/{path}": page for path, page in library.pages.items()}
        tasks += _tasks(library.tasks, name, kept)
        if library.routing is not None:
            message = "`routing` does not count beside other libraries; tune them together"
            faults.append(Fault(f"{name}/{SETTINGS}", 1, message, "warning", "R016"))
    return Library(
        root="",
        project=" + ".join(dict.fromkeys(library.project for library in libraries.values())),
        agents=tuple(agents),
        prompts=tuple(prompts),
        faults=tuple(sorted(set(faults))),
        tasks=tuple(tasks),
        pages=pages,
    )


def _named(agent: Agent, name: str) -> Agent:
    return replace(
        agent,
        id=f"{name}:{agent.id}",
        name=f"{name}:{agent.name}",
        path=f"{name}/{agent.path}",
        rules=tuple(_linked(rule, name) for rule in agent.rules),
    )


def _linked(rule: Rule, name: str) -> Rule:
    return replace(rule, use=_moved(rule.use, name), included=_moved(rule.included, name))


def _moved(links: Sequence[Link], name: str) -> tuple[Link, ...]:
    return tuple(replace(link, path=link.path and f"{name}/{link.path}") for link in links)


def _tasks(tasks: Iterable[LabelledTask], name: str, kept: set[str]) -> list[LabelledTask]:
    """The labelled tasks of one library; those of agents that are left out go with them."""
    return [
        replace(
            task,
            expect=tuple(f"{name}:{route}" for route in task.expect),
            path=f"{name}/{task.path}",
        )
        for task in tasks
        if {route.partition("/")[0] for route in task.expect} <= kept
    ]
