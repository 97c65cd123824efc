"""Checks of names, descriptions, tools, and characters that nobody sees."""

from __future__ import annotations

import difflib
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice, takewhile

from router.checking.subject import Check, Subject
from router.errors import Fault
from router.library import frontmatter
from router.library.formats import FORMATS, OWN
from router.library.records import Agent

KINDS = {kind.name: kind for kind in (OWN, *FORMATS)}

MAX_LINES = 5
"""Of one file that are told to have invisible characters; the rest share one finding."""

MAX_TOLD = 10
"""Unknown tools of one file that are told; with more than these, its list is none of tools."""

TOOLS = frozenset(
    # Claude Code
    "Agent AskUserQuestion Bash BashOutput Edit EnterPlanMode ExitPlanMode Glob Grep KillBash"
    " KillShell LS LSP ListMcpResourcesTool MultiEdit NotebookEdit NotebookRead Read"
    " ReadMcpResourceTool Skill SlashCommand Task TaskCreate TaskGet TaskList TaskOutput TaskStop"
    " TaskUpdate TodoRead TodoWrite ToolSearch WebFetch WebSearch Write"
    # GitHub Copilot and Visual Studio Code
    " agent changes codebase custom-agent edit editFiles execute extensions fetch findTestFiles"
    " githubRepo new newWorkspace openSimpleBrowser problems read runCommands runNotebooks"
    " runSubagent runTasks runTests search searchResults shell terminal terminalLastCommand"
    " terminalSelection testFailure think todo todos usages vscode vscodeAPI web"
    # Gemini and opencode
    " activate_skill ask_user bash complete_task get_internal_docs glob google_web_search grep"
    " grep_search list list_directory lsp patch question read_file read_many_files replace"
    " run_shell_command save_memory search_file_content skill task todoread todowrite web_fetch"
    " webfetch websearch write write_file write_todos"
    # Cline and Roo
    " access_mcp_resource apply_diff ask_followup_question attempt_completion browser_action"
    " codebase_search execute_command insert_content list_code_definition_names list_files new_task"
    " replace_in_file search_and_replace search_files switch_mode use_mcp_tool write_to_file"
    # this project's own agents
    " code_search edit_file".split()
)
"""Names that hosts give their tools; a server's tool has a `/`, `.` or `__` in it."""

_SERVED = re.compile(r"[/.*]|__|^mcp|^#")
_SLUG = re.compile(r"[^\W_]+(?:[-_][^\W_]+)*")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINERS = "\u200c\u200d"
_MARKS = "\u061c\u200e\u200f"


def unseen(line: str) -> list[int]:
    r"""The places of a line's characters that nobody sees and no script needs.

    Joiners belong to emoji and to Indic and Persian words, direction marks to lines of Arabic or
    Hebrew, tags to flags.

    >>> unseen("a\u200bb"), unseen("👩\u200d🔧"), unseen("a\u202eb")
    ([1], [], [1])
    """
    return [
        found.start()
        for found in _UNSEEN.finditer(line)
        if not _needed(line, found.start(), found[0])
    ]


def _needed(line: str, place: int, char: str) -> bool:
    if char in _JOINERS:
        around = line[max(0, place - 1) : place] + line[place + 1 : place + 2]
        return len(around) == 2 and not around.isascii()
    if char in _MARKS:
        return any(unicodedata.bidirectional(other) in ("R", "AL") for other in line)
    if "\U000e0020" <= char <= "\U000e007f":
        return "\U0001f3f4" in line[max(0, place - 8) : place]
    return False


def _invisible(subject: Subject) -> Iterator[Fault]:
    for path in sorted(subject.files):
        if not _UNSEEN.search(subject.files[path].data.decode("utf-8", "ignore")[1:]):
            continue
        found = [
            (number, places, line)
            for number, line in enumerate(subject.lines(path), start=1)
            if (places := unseen(line))
        ]
        for number, places, line in found[:MAX_LINES]:
            names = dict.fromkeys(f"U+{ord(line[place]):04X}" for place in places)
            message = f"has invisible characters ({', '.join(list(names)[:4])}); take them out"
            yield INVISIBLE.at(path, number, message, places[0] + 1)
        if len(found) > MAX_LINES:
            number, places, _ = found[MAX_LINES]
            message = f"the first of {len(found) - MAX_LINES} more lines with invisible characters"
            yield INVISIBLE.at(path, number, message, places[0] + 1)


def _against_the_rule(subject: Subject) -> Iterator[Fault]:
    for agent in subject.library.agents:
        kind = KINDS[agent.format]
        place = subject.place(agent.path, r"^name\s*:\s*\S") if kind.slug else None
        if place is None:
            continue
        wrong = ""
        # A mark belongs to its letter.
        letters = "".join(c for c in agent.name if not unicodedata.category(c).startswith("M"))
        if not _SLUG.fullmatch(letters) or agent.name != agent.name.lower():
            wrong = "has other than small letters, digits and single hyphens"
        elif kind.max_name and len(agent.name) > kind.max_name:
            wrong = f"has {len(agent.name)} characters; the limit is {kind.max_name}"
        elif kind.identity == "folder" and agent.name != _folder(agent):
            wrong = f"is not that of its folder, `{_folder(agent)}`"
        if wrong:
            message = f"name `{agent.name}` of a {kind.name} {wrong}; rename it"
            yield AGAINST.at(agent.path, place[0], message)


def _folder(agent: Agent) -> str:
    return posixpath.basename(posixpath.dirname(agent.path)) or agent.name


def _too_long(subject: Subject) -> Iterator[Fault]:
    for agent in subject.library.agents:
        kind = KINDS[agent.format]
        limit = kind.max_description or subject.settings.max_description
        file = subject.files.get(agent.path)
        if file is None or len(file.data) <= limit or kind.body:
            continue
        place = subject.place(agent.path, r"^description\s*:")
        if place is None:
            continue
        lines = subject.lines(agent.path)
        below = takewhile(lambda line: not line.startswith("---"), lines[place[0] - 1 :])
        if sum(len(line) + 1 for line in below) <= limit:
            continue  # as most are: YAML takes its time
        document = frontmatter.split(agent.path, "\n".join(lines), lenient=True)
        length = len(str(document.metadata.get("description") or ""))
        if length > limit:
            whose = f"of a {kind.name}" if kind.max_description else "set"
            message = f"the description has {length} characters; the limit {whose} is {limit}"
            yield TOO_LONG.at(agent.path, place[0], f"{message}: say what it is for, no more")


def _unknown_tools(subject: Subject) -> Iterator[Fault]:
    known = TOOLS | set(subject.settings.tools)
    small = {tool.casefold() for tool in known}
    near: dict[str, list[str]] = {}
    for agent in subject.library.agents:
        names = (tool.partition("(")[0].strip() for tool in agent.tools)
        unknown = (
            name
            for name in names
            if name and name.casefold() not in small and not _SERVED.search(name)
        )
        for name in islice(unknown, MAX_TOLD):
            if name not in near:
                near[name] = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            hint = (
                f"did you mean `{near[name][0]}`?"
                if near[name]
                else "name it in `tools` of route.toml if your host has it"
            )
            escaped = rf"(?<!\w){re.escape(name)}(?!\w)"
            line, column = subject.place(agent.path, escaped) or (1, 1)
            yield UNKNOWN_TOOL.at(agent.path, line, f"tool `{name}` is unknown; {hint}", column)


AGAINST = Check(
    "R033",
    "name against the format's rule",
    "warning",
    """\
The tool that owns the format refuses or changes such a name. Agent Skills are called by small
letters, digits and single hyphens, 64 of them at most, and exactly as their folder; Claude Code
and Gemini agents by small letters, digits and hyphens.

    name: Code Reviewer      # refused
    name: code-reviewer      # fine
""",
    _against_the_rule,
)
TOO_LONG = Check(
    "R035",
    "description too long",
    "warning",
    """\
A host reads the descriptions of all agents and skills at every start. An Agent Skill may have
1,024 characters, and what is longer is refused or cut; for other formats the limit is
`max_description` in `route.toml` (1,500 unless set). Say what it is for and when; the rest
belongs in the body, which is read when it is needed.
""",
    _too_long,
)
INVISIBLE = Check(
    "R036",
    "invisible or bidirectional characters",
    "warning",
    """\
The line has characters that an editor does not show: zero-width spaces, characters that turn
the direction of text, tags, control characters. Whoever reviews the file sees another text than
the model reads. Joiners within emoji or Indic and Persian words, and direction marks in lines
of Arabic or Hebrew, are left alone. `--fix` takes them out.
""",
    _invisible,
)
UNKNOWN_TOOL = Check(
    "R037",
    "unknown tool",
    "advice",
    """\
No host that is known has a tool of this name, so that the agent may run without it, and mostly
nobody is told. Names of served tools (`mcp__server__tool`, `server/tool`, `server.*`) are not
looked at. A tool of your own host is made known in `route.toml`:

    [check]
    tools = ["ticket_search"]
""",
    _unknown_tools,
)

CHECKS = (AGAINST, TOO_LONG, INVISIBLE, UNKNOWN_TOOL)
