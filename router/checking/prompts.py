"""Checks of prompts and links: what is never read, what is too much, what leads nowhere."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from router.checking.subject import Check, Subject, prose
from router.errors import Fault
from router.library.records import Agent, Prompt

_TOKEN = re.compile(r"\w+|[^\w\s]")
# From the middle on, and with no `(` inside: each place is then looked at once.
_LINK = re.compile(r"\]\(<?(?P<target>[^()\s>#?]+\.mdc?)(?:[#?][^()\s]*)?>?\)")
_CODE = re.compile(r"`[^`]*`")
_PLACEHOLDER = re.compile(r"[{}<>$*]|\.\.\.|…|^path/|/path/|^url|example\.md", re.IGNORECASE)


def tokens(text: str) -> int:
    """About how many tokens a text is.

    >>> tokens("Optimize slow queries, please.")
    6
    """
    return sum(1 for _ in _TOKEN.finditer(text))


def _pages(subject: Subject) -> tuple[Agent | Prompt, ...]:
    return (*subject.library.agents, *subject.library.prompts)


def _unnamed(subject: Subject) -> Iterator[tuple[str, str]]:
    """Each prompt that no rule uses, and the file that names it all the same, "" for none.

    Nothing where no rule uses any: the folder is then no library of rules and prompts.
    """
    library = subject.library
    used = {link.path for route in library.routes for link in route.rule.use} - {None}
    left = [prompt.path for prompt in library.prompts if prompt.path not in used]
    if not used or not left:
        return
    named: dict[str, str] = {}
    for path, file in sorted(subject.files.items()):
        if path.endswith((".md", ".mdc")):
            for target in re.findall(rb"[\w.%-]+\.mdc?\b", file.data):
                name = unquote(target.decode("utf-8", "replace"))
                if name != posixpath.basename(path):
                    named.setdefault(name, path)
    for path in left:
        yield path, named.get(posixpath.basename(path), "")


def _unused(subject: Subject) -> Iterator[Fault]:
    for path, by in _unnamed(subject):
        if not by:
            yield UNUSED.at(path, 1, "no rule uses this prompt; link it in a Use, or delete it")


def _unreachable(subject: Subject) -> Iterator[Fault]:
    for path, by in _unnamed(subject):
        if by:
            message = f"{by} names this prompt, but no Use of a rule that can be taken does"
            yield UNREACHABLE.at(path, 1, f"{message}; link it there")


def _too_many_tokens(subject: Subject) -> Iterator[Fault]:
    library, limits = subject.library, subject.settings
    sizes: dict[str, int] = {}
    for page in _pages(subject):
        # A token has a character at least.
        sizes[page.path] = tokens(page.text) if len(page.text) > limits.max_tokens else 0
        if (size := sizes[page.path]) > limits.max_tokens:
            message = f"about {size} tokens; the limit is {limits.max_tokens}: split it"
            yield TOO_MANY.at(page.path, 1, message)
    for route in library.routes:
        paths = [route.agent.path, *(link.path for link in route.rule.use if link.path)]
        size = sum(sizes.get(path, 0) for path in paths)
        if len(paths) > 1 and size > limits.max_bundle_tokens:
            message = (
                f"`{route.rule.title}` hands on about {size} tokens;"
                f" the limit is {limits.max_bundle_tokens}: use fewer prompts"
            )
            yield TOO_MANY.at(route.agent.path, route.rule.line, message)


def _dead_links(subject: Subject) -> Iterator[Fault]:
    """Links of bodies; those of a Use are looked at when the library is read."""
    told = {
        (fault.path, fault.line) for fault in subject.library.faults if fault.code == DEAD_LINK.code
    }
    neighbours = None
    for page in _pages(subject):
        if "](" not in page.text:
            continue
        for number, line in prose(subject.lines(page.path)):
            if "](" not in line:
                continue
            # What stands in code is no link; the columns stay.
            for link in _LINK.finditer(_CODE.sub(lambda code: " " * len(code[0]), line)):
                target = unquote(link["target"])
                if _PLACEHOLDER.search(target) or re.match(r"[a-z][a-z0-9+.-]*:", target, re.I):
                    continue
                beside = posixpath.normpath(
                    posixpath.join(posixpath.dirname(page.path), target.lstrip("/"))
                )
                below = posixpath.normpath(target.lstrip("/"))
                places = [place for place in (beside, below) if not place.startswith("..")]
                if not places or any(map(subject.exists, places)) or (page.path, number) in told:
                    continue
                neighbours = neighbours or subject.neighbours()
                near = neighbours.of(places[0])
                hint = f" (`{near}` does)" if near else ""
                message = f"`{places[0]}` does not exist{hint}; write it or fix the link"
                yield DEAD_LINK.at(page.path, number, message, link.start("target") + 1)


DEAD_LINK = Check(
    "R040",
    "dead link",
    "warning",
    """\
The file that is linked to does not exist. A rule still routes without it, and the context names
what is missing. Where one file is near, it is named; where it differs in capitals, marks or
folder only, `--fix` puts it in place. Links are relative to the file they stand in, or to the
library; `x.md` also finds `x.prompt.md`. Links in code are not looked at.
""",
    _dead_links,
)
UNUSED = Check(
    "R044",
    "unused prompt",
    "warning",
    """\
No rule's Use links to this prompt, and no other file names it: no context ever holds it. Link
it where it is needed, or delete it.

    **Use**: [Query Analysis](../prompts/query-analysis.md)
""",
    _unused,
)
UNREACHABLE = Check(
    "R045",
    "prompt that cannot be reached",
    "warning",
    """\
Some file names this prompt, but no rule that can be taken has it in its Use: the file was left
out for an error, or names it in prose alone. Only what a Use links to gets into a context.
""",
    _unreachable,
)
TOO_MANY = Check(
    "R047",
    "too many tokens",
    "advice",
    """\
The file, or all that a rule hands on, is larger than a context should be given to. Tokens are
estimated. Split the file, move what is seldom needed into one of its own, or set the limit:

    [check]
    max_tokens = 8000          # a file; 6000 unless set
    max_bundle_tokens = 40000  # an agent with the prompts of one rule; 24000 unless set
""",
    _too_many_tokens,
)

CHECKS = (DEAD_LINK, UNUSED, UNREACHABLE, TOO_MANY)
