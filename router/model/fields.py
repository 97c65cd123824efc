"""The text of a route by field, as the classifier reads it and an explanation shows it.

Standard library only: a compiled model holds all that the text is composed of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.library.exclusions import split_exclusions
from router.library.records import IMPLICIT, LabelledTask, Prompt, Route

MAX_BODY_CHARS = 20_000
"""Of a route's prompts together: more would let one file claim every word there is."""


@dataclass(frozen=True, slots=True)
class RouteText:
    """What is known of one route, by field; a missing field is empty, examples one a line."""

    title: str
    when: str = ""
    examples: str = ""
    rationale: str = ""
    prompt_titles: str = ""
    prompt_bodies: str = ""
    agent: str = ""
    responsibilities: str = ""
    not_when: str = ""


def route_texts(
    routes: Iterable[Route], prompts: Iterable[Prompt], tasks: Iterable[LabelledTask]
) -> list[RouteText]:
    """The text of each route, the labelled tasks among the examples."""
    by_path = {prompt.path: prompt for prompt in prompts}
    taught: dict[str, list[str]] = {}
    for labelled in tasks:
        for route in labelled.expect:
            taught.setdefault(route, []).append(labelled.task)
    return [route_text(route, by_path, taught.get(route.id, ())) for route in routes]


def route_text(route: Route, prompts: dict[str, Prompt], taught: Sequence[str] = ()) -> RouteText:
    """The text of one route; `prompts` are the library's, by path.

    `taught` are tasks that the route is known to be right for; they follow the rule's examples.
    """
    agent, rule = route.agent, route.rule
    bundle = [prompts[link.path] for link in rule.use if link.path in prompts]
    own_body = agent.text if rule.slug == IMPLICIT or not rule.use else ""
    for example in rule.examples:
        # An example counts once, and must be gone where cross-validation holds it out.
        own_body = own_body.replace(example, "")
    when, excluded = split_exclusions(rule.when)
    description, _ = split_exclusions(agent.description)
    # An example is one line, a task may be several.
    lines = dict.fromkeys(" ".join(task.split()) for task in taught)
    examples = [*rule.examples, *(line for line in lines if line not in rule.examples)]
    return RouteText(
        title=rule.title.replace("-", " "),
        when=when,
        examples="\n".join(examples),
        rationale=rule.rationale,
        prompt_titles="\n".join(
            [link.title for link in rule.use] + [prompt.description for prompt in bundle]
        ),
        prompt_bodies="\n".join([own_body, *(p.text for p in bundle)])[:MAX_BODY_CHARS],
        agent=f"{agent.name.replace('-', ' ')}\n{description}",
        responsibilities=f"{agent.role}\n{agent.responsibilities}",
        not_when=f"{rule.not_when}\n{excluded}".strip(),
    )


def none_text(tasks: Iterable[LabelledTask]) -> list[RouteText]:
    """The text of "none of them": the tasks that no rule fits; empty without any."""
    none = dict.fromkeys(" ".join(task.task.split()) for task in tasks if not task.expect)
    return [RouteText(title="", examples="\n".join(none))] if none else []
