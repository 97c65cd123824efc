"""Markdown to sections, and the "Dynamic Prompt Selection" section to rules.

A real parser tells headings from look-alikes in code fences. Only its block structure is used
(inline parsing of a hostile page is quadratic); inline parsing is for the `Use` lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from router.errors import Fault
from router.library.records import IMPLICIT, Link, Rule

SELECTION = "dynamic prompt selection"

MAX_USE_CHARS = 4_000
MAX_LINKS = 30
"""A bundle of more prompts is no choice any more."""

_BLOCKS = MarkdownIt("commonmark").disable(["inline", "text_join"])
_INLINE = MarkdownIt("commonmark")
_OPENING = re.compile(r"```|~~~|<")
_HTML_ENDS = ("-->", "</pre>", "</script>", "</style>", "</textarea>", "?>", "]]>", ">")
_FIELD = re.compile(
    r"\*\*\s*(?P<name>[A-Za-z][A-Za-z ]{0,30}?)\s*(?::\s*\*\*|\*\*\s*:)\s*(?P<value>.*)"
)
_EXAMPLE = re.compile(r"<example>(.*?)(?:</example>|\Z)", re.DOTALL | re.IGNORECASE)
_TURN = re.compile(
    r"\buser\s*:\s*(.+?)(?=\n|\s(?:the\s+)?assistant\b\s*:|<commentary>|\Z)", re.IGNORECASE
)
_FIELDS = {
    "when": "when",
    "use": "use",
    "rationale": "rationale",
    "not when": "not_when",
    "example": "examples",
    "examples": "examples",
}


@dataclass(slots=True)
class _Draft:
    """A rule while its lines are being read."""

    title: str
    line: int
    fields: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return " ".join(" ".join(self.fields.get(name, ())).split())


@lru_cache(maxsize=2)
def _blocks(text: str) -> tuple[Token, ...]:
    """The page parsed; a page is asked about several things in turn."""
    return tuple(_BLOCKS.parse(text))


def headings(text: str) -> list[tuple[str, int, int]]:
    """Title, level and 0-based line of each heading of a page that is not inside something.

    >>> headings("# A\\n```\\n# no\\n```\\n## B")
    [('A', 1, 0), ('B', 2, 4)]
    """
    return [
        (content.content.strip(), int(token.tag[1]), token.map[0])
        for token, content in pairwise(_blocks(text))
        if token.type == "heading_open" and token.level == 0 and token.map
    ]


def heading(text: str) -> str:
    """The first heading of a page, "" without one."""
    return next((title for title, _, _ in headings(text)), "")


def first_paragraph(text: str) -> str:
    """The first paragraph of a page in one line, at most 1,024 characters."""
    for index, token in enumerate(tokens := _blocks(text)):
        if token.type == "inline" and tokens[index - 1].type == "paragraph_open":
            return " ".join(token.content.split())[:1024]
    return ""


def selection_line(text: str) -> int | None:
    """The 0-based line of the page's "Dynamic Prompt Selection" heading, None without one."""
    found = (line for title, _, line in headings(text) if plain(title) == SELECTION)
    return next(found, None)


def parse_rules(
    text: str, path: str, lines: Sequence[int]
) -> tuple[tuple[Rule, ...], tuple[Fault, ...]]:
    """The rules of a rendered page, and what is wrong with them.

    `lines[i]` is the 1-based line of the file at `path` that line `i` of `text` came from.
    """
    faults: list[Fault] = []
    rules: list[Rule] = []
    slugs: set[str] = set()
    for draft in _drafts(_blocks(text), path, lines, faults):
        rule = _rule(draft, path, faults)
        if rule.slug in slugs:
            message = f"two rules are called `{rule.title}`; their ids must differ: rename one"
            faults.append(Fault(path, rule.line, message, code="R054"))
            continue
        slugs.add(rule.slug)
        rules.append(rule)
    return tuple(rules), tuple(faults)


def slug(title: str) -> str:
    """A title as the second half of a route id.

    >>> slug("CI/CD & Café")
    'ci-cd-café'
    """
    kept = (
        # A mark belongs to its letter: हिन्दी is one word.
        char if char.isalnum() or unicodedata.category(char).startswith("M") else " "
        for char in unicodedata.normalize("NFC", title).casefold()
    )
    return "-".join("".join(kept).split()) or "rule"


def labels(text: str) -> dict[str, str]:
    """What a page says after each `**Label**:`, by the label in small letters.

    A label holds its line, the paragraph below and a list that follows, an item a line; it ends
    at the next label or heading. The first of two equal labels counts.

    >>> labels("**Role**: Cook\\n\\n**Duties**:\\n- chop\\n- fry")
    {'role': 'Cook', 'duties': 'chop\\nfry'}
    """
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for index, token in enumerate(tokens := _blocks(text)):
        if token.type == "heading_open":
            lines = None
        if token.type != "inline" or tokens[index - 1].type == "heading_open":
            continue
        for line in token.content.split("\n"):
            if match := _FIELD.match(line.strip()):
                lines = [match["value"]] if match["value"].strip() else []
                found.setdefault(plain(match["name"]), lines)
            elif lines is not None:
                lines.append(line.strip())
    return {label: "\n".join(said) for label, said in found.items()}


def implicit_rule(said: dict[str, str], title: str, description: str) -> Rule:
    """The one rule of a page without a selection section, whose `labels` may be a rule's fields."""
    return Rule(
        title=title,
        slug=IMPLICIT,
        when=said.get("when") or description,
        rationale=said.get("rationale", ""),
        not_when=said.get("not when", ""),
        examples=_examples(said.get("examples", "").split("\n")),
    )


def references(text: str, lines: Sequence[int]) -> tuple[Link, ...]:
    """What a page links to that is text, beside it or below: `[Forms](references/forms.md)`.

    Links in code count as well: a page that shows a path means the file.

    >>> [link.target for link in references("See [a](x.md#top), [b](https://c.d/e.md).", (1,))]
    ['x.md']
    """
    found: dict[str, Link] = {}
    for number, line in zip(lines, text.split("\n"), strict=False):
        for match in _REFERENCE.finditer(line):
            target = match["target"]
            found.setdefault(target, Link(match["title"].strip() or target, target, number))
    return tuple(found.values())[:MAX_LINKS]


_REFERENCE = re.compile(
    r"\[(?P<title>[^\[\]]{0,200})\]\(<?(?P<target>(?![\w+.-]*:|/|\.\./)[^()\s<>#?]{1,300}\.(?:md|txt))"
    r"(?:[#?][^()\s<>]{0,300})?>?\)"
)


def user_turns(text: str) -> tuple[str, tuple[str, ...]]:
    """A description without its `<example>` blocks, and what the users in those say.

    >>> user_turns('Deploys. <example>user: "ship it" assistant: "On it."</example>')
    ('Deploys.', ('ship it',))
    """
    # Front matter often has them in one line, with the escapes of another language.
    text = text.replace("\\n", "\n").replace('\\"', '"')
    said = [
        _unquoted(turn) for example in _EXAMPLE.findall(text) for turn in _TURN.findall(example)
    ]
    return _EXAMPLE.sub(" ", text).strip(), tuple(dict.fromkeys(filter(None, said)))


def closing(text: str) -> str | None:
    """What has to follow a page so that the next heading is one: "" if nothing.

    A code fence or an HTML block that is left open would swallow whatever is put behind the page.
    None if no closing helps.

    >>> closing("```\\ncode"), closing("<!-- note"), closing("text")
    ('```', '-->', '')
    >>> closing("```\\n```\\n```")
    '```'
    """
    if not _OPENING.search(text):
        return ""  # as most pages: parsing is what reading 100,000 of them would take
    if not (blocks := _blocks(text)) or blocks[-1].type not in ("fence", "html_block"):
        return ""  # whatever else is last ends where a heading begins
    fences = [token.markup for token in blocks if token.type == "fence"]
    for mark in ("", *reversed(fences[-1:]), *_HTML_ENDS):
        tokens = _blocks(f"{text}\n{mark}\n\n# end\n" if mark else f"{text}\n\n# end\n")
        if len(tokens) > 2 and tokens[-3].type == "heading_open" and tokens[-3].level == 0:
            return mark
    return None


def _drafts(
    tokens: Sequence[Token], path: str, lines: Sequence[int], faults: list[Fault]
) -> Iterator[_Draft]:
    """Walk the blocks of the selection section, one draft a heading below it."""
    inside = 0
    draft: _Draft | None = None
    current: str | None = None
    in_item = False
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            level = int(token.tag[1])
            title = tokens[index + 1].content.strip()
            if inside and level > inside:
                if draft:
                    yield draft
                draft, current = _Draft(title, lines[token.map[0]]), None
                continue
            if draft:
                yield draft
                draft = None
            inside = level if plain(title) == SELECTION else 0
        elif token.type in ("list_item_open", "list_item_close"):
            in_item = token.type == "list_item_open"
        elif token.type == "inline" and draft and tokens[index - 1].type != "heading_open":
            current = _read_lines(token, draft, current, in_item, path, lines, faults)
    if draft:
        yield draft


def _read_lines(
    token: Token,
    draft: _Draft,
    current: str | None,
    in_item: bool,
    path: str,
    lines: Sequence[int],
    faults: list[Fault],
) -> str | None:
    """Sort one paragraph's lines into the draft's fields; returns the field left open."""
    start = token.map[0] if token.map else 0
    fresh_item = in_item
    for offset, line in enumerate(token.content.split("\n")):
        match = _FIELD.match(line.strip())
        if match:
            name = " ".join(match["name"].casefold().split())
            here = lines[start + offset]
            current = _FIELDS.get(name)
            if current is None:
                known = "When, Use, Rationale, Not when, Examples"
                message = f"`{match['name']}` is no field of a rule; there are {known}"
                faults.append(Fault(path, here, message, "warning", "R052"))
                continue
            if current in draft.fields:
                message = f"rule `{draft.title}` has `{match['name']}` twice; keep one"
                faults.append(Fault(path, here, message, code="R053"))
                continue
            draft.fields[current] = [match["value"]] if match["value"].strip() else []
            draft.lines[current] = here
        elif current == "examples" and not fresh_item and draft.fields["examples"] and in_item:
            draft.fields["examples"][-1] += " " + line.strip()
        elif current:
            draft.fields[current].append(line.strip())
        fresh_item = False
    return current


def _rule(draft: _Draft, path: str, faults: list[Fault]) -> Rule:
    if not draft.text("when"):
        message = f"rule `{draft.title}` has no When; add `**When**:` with the situation it is for"
        faults.append(Fault(path, draft.line, message, code="R050"))
    links = tuple(_links(" ".join(draft.fields.get("use", ()))[:MAX_USE_CHARS]))
    if not links:
        what = "has no link in its Use" if "use" in draft.fields else "has no Use"
        message = f"rule `{draft.title}` {what}; add `**Use**: [Title](../prompts/file.md)`"
        faults.append(Fault(path, draft.lines.get("use", draft.line), message, code="R051"))
    line = draft.lines.get("use", draft.line)
    if len(links) > MAX_LINKS:
        message = f"rule `{draft.title}` links to {len(links)} prompts; the limit is {MAX_LINKS}"
        faults.append(Fault(path, line, message, code="R043"))
    return Rule(
        title=draft.title,
        slug=slug(draft.title),
        when=draft.text("when"),
        use=tuple(replace(link, line=line) for link in links[:MAX_LINKS]),
        rationale=draft.text("rationale"),
        not_when=draft.text("not_when"),
        examples=_examples(draft.fields.get("examples", ())),
        line=draft.line,
        rationale_line=draft.lines.get("rationale", 0),
    )


def _links(markdown: str) -> Iterator[Link]:
    """Each link of a `Use` line once, in order."""
    seen: set[str] = set()
    target, title = None, ""
    for token in (
        child for block in _INLINE.parseInline(markdown) for child in block.children or ()
    ):
        if token.type == "link_open":
            # Before unquoting: `c%23.md` is the file `c#.md`, `c.md#part` a part of `c.md`.
            href = str(token.attrs["href"]).split("#", 1)[0].split("?", 1)[0]
            target, title = unquote(href), ""
        elif token.type == "link_close" and target is not None:
            if target not in seen:
                seen.add(target)
                yield Link(title.strip() or target, target, 0)
            target = None
        elif target is not None:
            title += token.content


def plain(title: str) -> str:
    """The words of a title alone, in small letters."""
    return " ".join(re.findall(r"[^\W_]+", title.casefold()))


def _examples(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(example for item in items if (example := _unquoted(item)))


def _unquoted(text: str) -> str:
    text = " ".join(text.split())
    for left, right in ('""', "''", "“”", "``"):
        if len(text) > 1 and text.startswith(left) and text.endswith(right):
            return text[1:-1].strip()
    return text
