"""A decision to the parts of its context: the agent, its prompts, why, and last the task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from router.context.formats import Format, check_format
from router.context.parts import Context, Part
from router.decision.deciding import Decision
from router.errors import printable
from router.library.records import Agent, Hint, Link, Prompt, Route, Section
from router.library.tokens import estimate
from router.model.scores import Model

Count = Callable[[str], int]
"""How many tokens a text is."""


class Piece(NamedTuple):
    """A part, and what a budget may leave of it: the first of its `sections`, ranges of `page`.

    Without sections it stays or goes as a whole. `sizes` are the sections' tokens.
    """

    part: Part
    page: str = ""
    sections: tuple[Section, ...] = ()
    sizes: tuple[int, ...] = ()


class Assembler:
    """Assembles the contexts of one model's decisions, counting tokens with `count`.

    What it makes of the library it keeps. Safe to share between threads.
    """

    def __init__(self, model: Model, count: Count) -> None:
        self.count = count
        self._pages = model.pages
        self._prompts = {prompt.path: prompt for prompt in model.prompts}
        self._kept: dict[tuple[str, str], tuple[Piece, ...]] = {}
        self._counts: dict[str, int] = {}

    @property
    def estimates(self) -> bool:
        """Whether it counts with the default estimate, whose sums are those of the library."""
        return self.count is estimate

    def assemble(self, decision: Decision, budget: int | None, format: Format) -> Context:
        """The context of a decision; see `Router.assemble`."""
        check_format(format)
        routes = [match.target for match in decision.matches]
        # Several matches may share their agent and some prompts.
        pieces = list({piece.part: piece for route in routes for piece in self._of(route)}.values())
        pieces += [Piece(part) for part in self._escalations(decision)]
        task = decision.task
        pieces.append(Piece(Part("task", "Task", task, self.count(task), trust="task")))
        hints = self._hints(routes)
        if budget is None:
            return Context(tuple(piece.part for piece in pieces), hints=hints)
        from router.context.fitting import fit  # late: most contexts have no budget

        return Context(*fit(pieces, self, format, budget), hints)

    def of_route(self, route: Route) -> Context:
        """The context of a route without a task."""
        return Context(tuple(piece.part for piece in self._of(route)), hints=self._hints([route]))

    def counted(self, text: str) -> int:
        """The tokens of a text of the library, or of what stands around it."""
        found = self._counts.get(text)
        if found is None:
            found = self._counts[text] = self.count(text)
        return found

    def _of(self, route: Route) -> tuple[Piece, ...]:
        """The pieces of a route, those of its agent and prompts shared with other routes."""
        return self._once(("route", route.id), lambda: self._pieces(route))

    def _once(self, key: tuple[str, str], make: Callable[[], Iterable[Piece]]) -> tuple[Piece, ...]:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = tuple(make())
        return kept

    def _pieces(self, route: Route) -> Iterator[Piece]:
        agent, rule = route.agent, route.rule
        yield from self._once(("agent", agent.path), lambda: self._agent(agent))
        for link in rule.bundle:
            prompt = self._prompts.get(link.path or "")
            if prompt is None:
                yield self._missing(link)
            else:
                yield from self._once(("prompt", prompt.path), partial(self._prompt, prompt))
        if rule.rationale:
            lines = (rule.rationale_line, rule.rationale_line) if rule.rationale_line else None
            tokens = self.count(rule.rationale)
            yield Piece(
                Part(
                    "rationale", rule.title, rule.rationale, tokens, agent.path, lines, agent.sha256
                )
            )

    def _agent(self, agent: Agent) -> Iterator[Piece]:
        for section in self._pages[agent.path].sections:
            text = agent.text[section.start : section.last.end]
            sizes = self._sizes(agent.text, (section,), section.start)
            lines = (section.line, section.last.line)
            part = Part(
                section.role, agent.name, text, sizes[0], agent.path, lines, agent.sha256,
                section=section.title,
            )  # fmt: skip
            yield Piece(part, agent.text, (section,), sizes)

    def _prompt(self, prompt: Prompt) -> Iterator[Piece]:
        sections = self._pages[prompt.path].sections
        sizes = self._sizes(prompt.text, sections, 0)
        lines = (sections[0].line, sections[-1].last.line)
        part = Part(
            "prompt", prompt.title, prompt.text, sum(sizes), prompt.path, lines, prompt.sha256
        )
        yield Piece(part, prompt.text, sections, sizes)

    def _missing(self, link: Link) -> Piece:
        lost = "The library links to this prompt but does not have it; work without it."
        return Piece(Part("missing", link.title, lost, self.count(lost), printable(link.target)))

    def _sizes(self, page: str, sections: Sequence[Section], start: int) -> tuple[int, ...]:
        """The tokens of each section, together with the break before it."""
        if self.estimates:
            return tuple(section.last.tokens for section in sections)
        places = [start, *(section.last.end for section in sections)]
        return tuple(self.count(page[one:other]) for one, other in pairwise(places))

    def _escalations(self, decision: Decision) -> Iterator[Part]:
        for escalation in decision.escalations:
            agent, trigger = escalation.agent, escalation.trigger
            text, line = trigger.text or trigger.title, trigger.line
            yield Part(
                "escalation", trigger.title, text, self.count(text), agent.path, (line, line),
                agent.sha256,
            )  # fmt: skip

    def _hints(self, routes: Sequence[Route]) -> tuple[Hint, ...]:
        paths = dict.fromkeys(route.agent.path for route in routes)
        return tuple(hint for path in paths for hint in self._pages[path].hints)
