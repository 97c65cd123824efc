"""The kinds of files that can be routes, as data: where they lie and what says who they are.

Adding a format is one entry here, and a fixture in the tests. What the tools that own these formats
say of them, and how public files differ from it, was looked at in November 2026.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file.

    `places` are patterns of its path: `*` within a name, `**/` any folders. `identity` says what
    the route is called by: the `name` in the front matter, the file's name, or its folder's.
    `tools` is the key with the tools. A file in TOML has its text below the key `body`. Bodies of
    others than our `own` are opaque: no templates, and what is wrong with one file leaves the
    others alone. `slug` is a name of small letters, digits and hyphens alone; the limits of length
    are the tool's, 0 for none. `references` says that files of its folder which the body links to
    are handed on with it.
    """

    name: str
    places: tuple[str, ...]
    identity: Literal["name", "file", "folder"] = "file"
    required: tuple[str, ...] = ()
    tools: str = "tools"
    body: str = ""
    own: bool = False
    slug: bool = False
    max_name: int = 0
    max_description: int = 0
    references: bool = False


OWN = Format("agent", ("agents/**/*.md",), "name", ("name", "description"), own=True)
LOOSE = replace(OWN, own=False)
"""A file of another tool that stands where ours would."""

FORMATS = (
    Format(
        "skill",
        ("**/SKILL.md", "**/skill.md"),
        "folder",
        ("name", "description"),
        tools="allowed-tools",
        slug=True,
        max_name=64,
        max_description=1_024,
        references=True,
    ),
    Format("copilot-agent", ("**/*.agent.md", "**/*.chatmode.md"), "file", ("description",)),
    Format("copilot-prompt", ("**/*.prompt.md",)),
    Format("copilot-instructions", ("**/*.instructions.md",)),
    Format("cursor-rule", ("**/*.mdc",)),
    Format(
        "gemini-agent",
        ("**/.gemini/agents/**/*.md",),
        "name",
        ("name", "description"),
        slug=True,
    ),
    Format("gemini-command", ("**/.gemini/commands/**/*.toml",), "file", body="prompt"),
    Format(
        "codex-agent",
        ("**/.codex/agents/**/*.toml",),
        "name",
        ("name", "description"),
        body="developer_instructions",
    ),
    Format("opencode-agent", ("**/.opencode/agent/**/*.md", "**/.opencode/agents/**/*.md")),
    Format("claude-command", ("**/commands/**/*.md",), tools="allowed-tools"),
    Format("claude-agent", ("**/agents/**/*.md",), "name", ("name", "description"), slug=True),
    Format("markdown", ("**/*.md",), "name", ("name", "description")),
)
"""In order of precedence: the first whose place fits. The last is for collections without a place
of their own: a page is a route there only with both of its required keys."""

PAGES = frozenset(
    "agents.md changelog.md claude.md code_of_conduct.md contributing.md gemini.md license.md"
    " readme.md security.md".split()
)
"""Files about a repository, in whatever folder: never a route."""

_ENDINGS = (".agent.md", ".chatmode.md", ".prompt.md", ".instructions.md", ".md", ".mdc", ".toml")


def format_of(path: str) -> Format | None:
    """The format of the file at a path of somebody's repository, None for what is no route.

    >>> format_of(".claude/skills/pdf/SKILL.md").name, format_of("src/main.py")
    ('skill', None)
    """
    if posixpath.basename(path).casefold() in PAGES:
        return None
    return next((kind for kind in FORMATS if _pattern(kind).fullmatch(path)), None)


def identity(path: str, kind: Format) -> str:
    """What a file is called by its place: the name of the file, or of its folder.

    >>> identity("skills/pdf/SKILL.md", FORMATS[0]), identity("a/b.prompt.md", FORMATS[2])
    ('pdf', 'b')
    """
    if kind.identity == "folder" and "/" in path:
        return posixpath.basename(posixpath.dirname(path))
    name = posixpath.basename(path)
    return next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name)


@cache
def _pattern(kind: Format) -> re.Pattern[str]:
    # A name may have a line break, and is then told to.
    return re.compile("|".join(map(_expression, kind.places)), re.DOTALL)


def _expression(place: str) -> str:
    """
    >>> _expression("**/x/*.md")
    '(?:.*/)?x/[^/]*\\\\.md'
    """
    escaped = re.escape(place)
    return escaped.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
