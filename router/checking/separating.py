"""Checks of what sets rules apart: by their words alone, and as the compiled library decides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from router.checking.subject import Check, Subject
from router.errors import Fault
from router.library.records import Route
from router.model.text import STOP_WORDS, stem, words

SAYS_NOTHING = frozenset(
    map(
        stem,
        "agent ai anything assist assistance assistant case everything general help helpful kind"
        " needed need problem project question request require required situation something task"
        " thing various when whenever work working".split(),
    )
)
"""Words that every rule could have."""

_EVERYTHING = re.compile(
    r"\b(?:(?:any|every|all)\s+(?:(?:kinds?|types?|sorts?)\s+of\s+)?(?:other\s+)?"
    r"(?:tasks?|requests?|questions?|prompts?|situations?|user\s+messages?)\b"
    r"|always\s+(?:use|apply|activate|invoke|call|load|run)(?:\s+(?:this|it)\b)?"
    r"(?:\s+(?:agent|command|rule|skill)\b)?(?=\s*(?:[.,;!]|$))"
    r"|for\s+(?:anything|everything)\b)"
    r"(?!\s+(?:about|concerning|for|from|in|involving|needing|of|on|regarding|related|relating"
    r"|requiring|that|to|where|which|with|within|without)\b)",
    re.IGNORECASE,
)
"""A claim without a condition: `any task that needs a database` is none."""

MIN_RULES, MIN_WORDS, MOST = 8, 40, 0.5
"""A rule claims everything when it has this share of the words of all others, if those are enough
to tell; or when it takes lines of this share of them."""

MAX_WORDS = 4

SURE = 0.5
"""Confidence from which on a line counts as taken: below, it is a close thing, and says little."""


def _informative(text: str) -> frozenset[str]:
    said = {stem(word) for word in words(text) if word not in STOP_WORDS}
    return frozenset(said - SAYS_NOTHING)


def _nothing_of_its_own(subject: Subject) -> Iterator[Fault]:
    """Rules each word of whose When is in the When of one other rule."""
    routes = subject.library.routes
    said = [_informative(route.rule.when) for route in routes]
    having: dict[str, set[int]] = {}
    for number, terms in enumerate(said):
        for term in terms:
            having.setdefault(term, set()).add(number)
    for number, route in enumerate(routes):
        if not route.rule.when:
            continue  # told by the reader
        if not said[number]:
            message = "its When has no word that says what it is for; name the situation"
            yield NOTHING.at(route.agent.path, route.rule.line, f"{_named(route)}: {message}")
            continue
        others: set[int] | None = None
        for term in sorted(said[number], key=lambda term: (len(having[term]), term)):
            others = having[term] - {number} if others is None else others & having[term]
            if not others:
                break
        if others:
            other = routes[min(others)]
            message = f"its When says nothing that {other.id} does not; add what sets it apart"
            yield NOTHING.at(route.agent.path, route.rule.line, f"{_named(route)}: {message}")


def _claims_everything(subject: Subject) -> Iterator[Fault]:
    routes = subject.library.routes
    whens = [_informative(route.rule.when) for route in routes]
    counts: dict[str, int] = {}
    for terms in whens:
        for term in terms:
            counts[term] = counts.get(term, 0) + 1
    for route, own in zip(routes, whens, strict=True):
        if found := _EVERYTHING.search(route.rule.when):
            message = f"“{found[0]}” claims every task; say which"
            yield CLAIMS.at(route.agent.path, route.rule.line, f"{_named(route)}: {message}")
            continue
        others = len(counts) - sum(1 for term in own if counts[term] == 1)
        if len(routes) < MIN_RULES or others < MIN_WORDS:
            continue
        rule = route.rule
        claimed = _informative(" ".join((rule.title, rule.when, *rule.examples)))
        shared = sum(1 for term in claimed if counts.get(term, 0) > (term in own))
        if shared > MOST * others:
            message = f"has {shared} of the {others} words of all other rules; say less"
            yield CLAIMS.at(route.agent.path, rule.line, f"{_named(route)}: {message}")


def _winless(subject: Subject) -> Iterator[Fault]:
    by_id = {route.id: route for route in subject.library.routes}
    for name in subject.map.winless if subject.map else ():
        route = by_id[name]
        lines = "its When and Examples" if route.rule.examples else "its When"
        message = f"other rules win {lines}; give it words that they do not have"
        yield WINLESS.at(route.agent.path, route.rule.line, f"{_named(route)}: {message}")


def _takes(subject: Subject) -> Iterator[Fault]:
    by_id = {route.id: route for route in subject.library.routes}
    taken: dict[str, set[str]] = {}
    for pair in subject.map.pairs if subject.map else ():
        for by, loser in ((pair.first, pair.second), (pair.second, pair.first)):
            stolen = [line for line in pair.stolen if line.by == by]
            if stolen:
                taken.setdefault(by, set()).add(loser)
            lines = sorted(
                (line for line in stolen if line.confidence >= SURE),
                key=lambda line: -line.confidence,
            )
            if not lines:
                continue
            more = f" and {len(lines) - 1} more of its lines" if len(lines) > 1 else ""
            words = ", ".join(lines[0].words[:MAX_WORDS])
            hint = f", decided by: {words}" if words else ""
            route = by_id[by]
            sure = f"{lines[0].confidence:.2f}"
            message = f"takes “{_short(lines[0].text)}” ({sure}){more} from {loser}{hint}"
            yield TAKES.at(route.agent.path, route.rule.line, f"{_named(route)} {message}")
    for by, losers in taken.items():
        if len(by_id) >= MIN_RULES and len(losers) > MOST * (len(by_id) - 1):
            route = by_id[by]
            message = f"takes lines of {len(losers)} of {len(by_id) - 1} other rules; say less"
            yield CLAIMS.at(route.agent.path, route.rule.line, f"{_named(route)}: {message}")


def _named(route: Route) -> str:
    return f"rule `{route.rule.title}`" if route.rule.use else f"`{route.agent.name}`"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"


NOTHING = Check(
    "R057",
    "When that sets nothing apart",
    "warning",
    """\
Tasks are told apart by words. This When has none but words that every rule could have (*task,
help, project*), or only words that one other rule's When has as well: whatever it fits, the
other fits too. Say what is only true here. For a file without rules the When is its
description.

    **When**: Working on tasks             # no
    **When**: Queries are slow, or locks pile up
""",
    _nothing_of_its_own,
)
WINLESS = Check(
    "R058",
    "rule that never wins its own lines",
    "warning",
    """\
Asked as tasks, the rule's own When and each of its Examples are won by other rules. As it
stands it is hardly ever taken. Give it words that the others lack, or merge it with the one
that wins.
""",
    _winless,
    compiled=True,
)
TAKES = Check(
    "R059",
    "rule that takes another's",
    "advice",
    """\
Asked as a task, a line of another rule (its When or an Example) is routed to this one, with the
confidence in brackets, 0.5 at least: where the library is less sure, nothing is said. The words
that decided it are named. Either the line stands in the wrong rule, or this rule is too wide:
take such words out of it or into its `**Not when**:`, or say more of what the line is about in
the rule that it belongs to.
""",
    _takes,
    compiled=True,
)
CLAIMS = Check(
    "R060",
    "claims every task",
    "warning",
    """\
The text says that it is for any task, has most of the words that all other rules have together,
or takes lines of most of them: it wins tasks that are not its own. A library's default needs no
rule; what fits no rule is an abstention, which a caller can handle.
""",
    _claims_everything,
)

CHECKS = (NOTHING, WINLESS, TAKES, CLAIMS)
