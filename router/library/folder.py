"""A folder of agents and prompts, read, rendered, parsed and checked: all faults at once."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from router.errors import Fault, Severity
from router.library import frontmatter, rules, templates
from router.library.formats import LOOSE, OWN, Format, format_of, identity
from router.library.includes import resolve_includes
from router.library.neighbours import Neighbours
from router.library.pages import read_page
from router.library.records import Agent, LabelledTask, Link, Page, Prompt, Route, Rule
from router.library.settings import read_routing
from router.library.source import FOLDERS, SETTINGS, Folder, Snapshot, SourceFile, UnreadableError
from router.library.tasks import read_tasks
from router.model.calibration import Routing

AGENT_KEYS = frozenset({"name", "description", "icon", "tools", "model", "template"})
PROMPT_KEYS = frozenset({"title", "description", "template", "includes", "variables"})
MAX_TOOLS_CHARS = 4_000
MAX_FILE_LINES = 20_000
"""Of an agent or prompt: each costs more than a character does, up to 0.1 ms."""

MAX_DESCRIPTION_CHARS = 16_000

_SELECTION = re.compile(rb"(?im)^#+ *dynamic prompt selection *\r?$")
_MARKUP = frozenset("#*<>[]{}|`\\")
"""No part of a display name: a name stands in headings."""

_NAME = re.compile(r"[\w][\w .-]{0,99}")


@dataclass(frozen=True, slots=True)
class Library:
    """What a folder holds.

    `outside` lists the files read from other folders than the usual ones, with their SHA-256
    (None: linked but missing), so that a change of them is noticed. `routing` is what its
    `project.yaml` says instead of the shipped constants. `pages` has what each agent's and
    prompt's text is made of, by path.
    """

    root: str
    project: str
    agents: tuple[Agent, ...]
    prompts: tuple[Prompt, ...]
    faults: tuple[Fault, ...]
    outside: tuple[tuple[str, str | None], ...] = ()
    tasks: tuple[LabelledTask, ...] = ()
    routing: Routing | None = None
    pages: Mapping[str, Page] = field(default_factory=dict)

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(Route(agent, rule) for agent in self.agents for rule in agent.rules)

    @property
    def errors(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.severity == "error")


@lru_cache(maxsize=1)
def _rows(data: bytes) -> tuple[bytes, ...]:
    """The lines of a file, which has one link after the other."""
    return tuple(data.splitlines())


def read_library(folder: Folder, files: Snapshot) -> Library:
    """Read every file of a snapshot of `folder`; whatever is wrong is in `Library.faults`."""
    return _Reader(folder, files).read()


class _Reader:
    """One reading of one library: gathers faults, and each prompt once."""

    def __init__(self, folder: Folder, files: Snapshot) -> None:
        self.folder = folder
        self.files = {file.path: file for file in files.files}
        self.unreadable = dict(files.unreadable)
        self.faults: list[Fault] = []
        self.prompts: dict[str, Prompt] = {}
        self.includes: dict[str, tuple[Link, ...]] = {}
        self.pages: dict[str, Page] = {}
        self.outside: dict[str, str | None] = {}
        self.schema: dict[str, Any] = {}
        self.variables: dict[str, Any] = {}
        self.routing: Routing | None = None
        self.described = False
        self.own = SETTINGS in self.files or SETTINGS in self.unreadable
        self.strict: set[str] = set()
        self.neighbours = Neighbours(self.files)

    def read(self) -> Library:
        self.schema = self._schema()
        for path, cause in self.unreadable.items():
            ours = path.startswith(("agents/", "tasks/")) or path in (*FOLDERS, SETTINGS)
            if ours or not self.own:
                lenient = not self.own or path.startswith("tasks")
                self._fault(path, 1, f"cannot be read: {cause}", warning=lenient, code="R001")
        agents = [agent for file in self.files.values() if (agent := self._routed(file))]
        if not agents and not any(fault.severity == "error" for fault in self.faults):
            message = "no agent files; add agents/NAME.md with `name` and `description`"
            self._fault("agents", 1, message, code="R014")
        agents = self._unique(agents)
        for path in self.files:
            if path.startswith("prompts/") and path not in self.prompts and not _is_readme(path):
                before = len(self.faults)
                self._prompt(self.files[path])
                if not self.own and not self.strict:
                    self._soften(before)
        agents = self._including(agents)
        tasks = self._tasks(agents)
        return Library(
            root=self.folder.root,
            project=str(self.schema["project"]["name"]),
            agents=tuple(agents),
            prompts=tuple(self.prompts[path] for path in sorted(self.prompts)),
            faults=tuple(sorted(set(self.faults))),
            outside=tuple(sorted(self.outside.items())),
            tasks=tasks,
            routing=self.routing,
            pages=self.pages,
        )

    def _fault(
        self,
        path: str,
        line: int,
        message: str,
        *,
        warning: bool = False,
        code: str = "",
        column: int = 1,
    ) -> None:
        severity: Severity = "warning" if warning else "error"
        self.faults.append(Fault(path, line, message, severity, code, column))

    def _schema(self) -> dict[str, Any]:
        """`project.yaml`, with every part that a template may count on."""
        values: dict[str, Any] = {}
        if file := self.files.get(SETTINGS):
            text, faults = frontmatter.decode(file.path, file.data)
            self.faults += faults
            if text.strip():
                values, faults = frontmatter.settings(file.path, text)
                self.faults += faults
                self.routing, faults = read_routing(file.path, text, values)
                self.faults += faults
            # `routing` alone, as `route tune` writes it, makes no templates of foreign files;
            # neither do `variables`, which are for prompts.
            self.described = not values or not values.keys() <= {"routing", "variables"}
        project = values.get("project") or {}
        languages = values.get("languages") or []
        agents = values.get("agents") or {}
        if not isinstance(project, dict):
            message = "`project` must have `name` and `description` below it"
            self._fault(SETTINGS, 1, message, code="R015")
            project = {}
        if not isinstance(languages, list) or not all(
            isinstance(item, str | dict) for item in languages
        ):
            message = "`languages` must be a list of `- name: …` entries"
            self._fault(SETTINGS, 1, message, code="R015")
            languages = []
        if not isinstance(agents, dict | list):
            message = "`agents` must be a list, or have one entry per agent"
            self._fault(SETTINGS, 1, message, code="R015")
            agents = {}
        self.variables = self._variables(SETTINGS, values.get("variables"), 1)
        name = os.path.basename(self.folder.root) or "library"
        return values | {
            "project": {"name": name, "description": ""} | project,
            "languages": [{"name": x} if isinstance(x, str) else x for x in languages],
            "agents": agents,
        }

    def _routed(self, file: SourceFile) -> Agent | None:
        """The agent that a file is, None where it is none or cannot be read as one."""
        if file.path.startswith("agents/") and not _is_readme(file.path):
            kind: Format | None = OWN
        elif self.own or file.path.startswith(("prompts/", "tasks/")):
            kind = None
        else:
            kind = format_of(file.path)
        if kind is None:
            return None
        if kind.own and not (self.own or _SELECTION.search(file.data)):
            kind = LOOSE
        before = len(self.faults)
        agent = self._agent(file, kind)
        if kind.own:
            self.strict.add(file.path)
        else:
            self._soften(before)
        return agent

    def _soften(self, first: int) -> None:
        """A repository of somebody's many files is not refused for one of them."""
        self.faults[first:] = [
            replace(fault, message=f"{fault.message}; left out", severity="warning")
            if fault.severity == "error"
            else fault
            for fault in self.faults[first:]
        ]

    def _agent(self, file: SourceFile, kind: Format) -> Agent | None:
        document = self._document(file, AGENT_KEYS if kind.own else frozenset(), kind)
        if document is None:
            return None
        if kind.name == "markdown" and not all(map(document.metadata.get, kind.required)):
            return None  # a page like any other
        stem = identity(file.path, kind)
        name = self._name(file.path, document, stem, kind)
        rendered = self._rendered(file.path, document, name if kind.own else None)
        if rendered is None or name is None:
            return None
        if not (kind.own or rendered.text.strip() or document.metadata.get("description")):
            self._fault(file.path, 1, "says nothing; write it or delete it", code="R020")
            return None
        rendered = self._closed(file.path, rendered)
        text, lines = rendered.text, rendered.lines
        described, turns = rules.user_turns(_plain(document.metadata.get("description")))
        description = " ".join(described.split())[:MAX_DESCRIPTION_CHARS]
        if not description and "description" in kind.required:
            message = "no `description`; add one sentence that says what the agent is for"
            line = document.lines.get("description", 1)
            self._fault(file.path, line, message, warning=True, code="R034")
        description = description or rules.first_paragraph(text) or rules.heading(text)
        said = rules.labels(text)
        found = self._rules(file.path, text, lines, name, description, said)
        if turns and rules.selection_line(text) is None:
            found = tuple(
                replace(rule, examples=tuple(dict.fromkeys(rule.examples + turns)))
                for rule in found
            )
        if kind.references and rules.selection_line(text) is None:
            found = tuple(
                replace(rule, use=self._references(file.path, rendered)) for rule in found
            )
        called = name if kind.identity == "name" else stem
        self.pages[file.path] = read_page(text, lines, agent=True)
        return Agent(
            id=called if re.fullmatch(r"[\w.-]+", called) else rules.slug(called),
            name=name,
            description=description,
            icon=self._text(document, "icon"),
            tools=split_tools(document.metadata.get(kind.tools, document.metadata.get("tools"))),
            format=kind.name,
            path=file.path,
            sha256=file.sha256,
            text=text,
            lines=lines,
            role=said.get("role", ""),
            responsibilities=said.get("core responsibilities", ""),
            rules=found,
        )

    def _rules(
        self,
        path: str,
        text: str,
        lines: tuple[int, ...],
        name: str,
        description: str,
        said: dict[str, str],
    ) -> tuple[Rule, ...]:
        heading = rules.selection_line(text)
        if heading is None:
            if re.search(r"^#+\s*dynamic prompt selection\s*$", text, re.IGNORECASE | re.MULTILINE):
                message = "the selection section is inside a code fence or comment and is not read"
                self._fault(path, 1, message, warning=True, code="R055")
            return (self._ruled(path, rules.implicit_rule(said, name, description)),)
        found, faults = rules.parse_rules(text, path, lines)
        self.faults += faults
        if not found:
            message = "the section has no rule; add `### Title` with When and Use"
            self._fault(path, lines[heading], message, code="R055")
        return tuple(self._ruled(path, rule) for rule in found)

    def _ruled(self, path: str, rule: Rule) -> Rule:
        """The rule with its prompts found, and a rationale that can stand in a page."""
        mark = rules.closing(rule.rationale)
        rationale = rule.rationale
        if mark != "":
            message = (
                f"rationale of `{rule.title}` opens a code fence or HTML block; write a sentence"
            )
            self._fault(path, rule.line, message, warning=True, code="R056")
            rationale = ""
        return replace(
            rule, rationale=rationale, use=tuple(self._linked(path, link) for link in rule.use)
        )

    def _references(self, path: str, page: templates.Rendered) -> tuple[Link, ...]:
        """The files of its own folder that a page links to; `route check` names those missing."""
        found = []
        for link in rules.references(page.text, page.lines):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), link.target))
            file = self._file(place)
            if not isinstance(file, SourceFile) or place == path:
                continue
            before = len(self.faults)
            if place in self.prompts or self._prompt(file):
                found.append(replace(link, path=place))
            if not self.own and not self.strict:
                self._soften(before)
        return tuple(found)

    def _linked(self, agent_path: str, link: Link) -> Link:
        """The link with the prompt file that it leads to, which is then part of the library."""
        target = link.target
        column = self._column(agent_path, link)
        if re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
            message = f"link `{link.target}` is no file; link to a prompt of this library"
            self._fault(agent_path, link.line, message, code="R042", column=column)
            return link
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(agent_path), target))
        below = posixpath.normpath(target.lstrip("/"))
        places = [place for place in (beside, below) if not place.startswith("../")]
        if target.startswith("/") or not places or places == [".."]:
            message = f"link `{link.target}` leads outside of the library; move the file into it"
            self._fault(agent_path, link.line, message, code="R041", column=column)
            return link
        names = [
            name for place in places for name in (place, f"{place.removesuffix('.md')}.prompt.md")
        ]
        for place in dict.fromkeys(names):
            if place in self.prompts:
                return replace(link, path=place)
            file = self._file(place)
            if isinstance(file, SourceFile):
                return replace(link, path=place) if self._prompt(file) else link
            if file:
                message = f"prompt `{place}` cannot be read: {file}"
                self._fault(agent_path, link.line, message, code="R001", column=column)
                return link
        message = (
            f"prompt `{places[0]}` does not exist{self._near(places[0])}; write it or fix the link"
        )
        self._fault(agent_path, link.line, message, warning=True, code="R040", column=column)
        return link

    def _column(self, path: str, link: Link) -> int:
        """Where in its line a link stands."""
        lines = _rows(self.files[path].data) if path in self.files else ()
        line = lines[link.line - 1].decode("utf-8", "replace") if link.line <= len(lines) else ""
        return line.find(f"({link.target}") + 2

    def _file(self, path: str) -> SourceFile | str:
        """The file, or why it cannot be read (empty: there is none)."""
        if path in self.files:
            return self.files[path]
        if path in self.unreadable:
            return self.unreadable[path]
        if path.startswith(("agents/", "prompts/")) and path.endswith(".md"):
            return ""
        self.outside[path] = None
        if not os.path.lexists(os.path.join(self.folder.root, path)):
            return ""
        try:
            file = self.folder.read(path)
        except UnreadableError as error:
            return str(error)
        self.outside[path] = file.sha256
        return file

    def _near(self, path: str) -> str:
        near = self.neighbours.of(path)
        return f" (`{near}` does)" if near else ""

    def _prompt(self, file: SourceFile) -> Prompt | None:
        document = self._document(file, PROMPT_KEYS, OWN if self.own or self.strict else LOOSE)
        if document is None:
            return None
        rendered = self._rendered(file.path, document, None)
        if rendered is None:
            return None
        rendered = self._closed(file.path, rendered)
        text = rendered.text.strip("\n")
        above = len(rendered.text) - len(rendered.text.lstrip("\n"))
        self.pages[file.path] = read_page(text, rendered.lines[above:], agent=False)
        self.includes[file.path] = self._included(file.path, document)
        prompt = Prompt(
            path=file.path,
            title=self._text(document, "title") or rules.heading(text) or _stem(file.path),
            description=self._text(document, "description") or rules.first_paragraph(text),
            sha256=file.sha256,
            text=text,
        )
        self.prompts[file.path] = prompt
        return prompt

    def _included(self, path: str, document: frontmatter.Document) -> tuple[Link, ...]:
        """The prompts that `includes` names, not yet looked for."""
        value = document.metadata.get("includes")
        listed = [value] if isinstance(value, str) else value or []
        line = document.lines.get("includes", 1)
        if not isinstance(listed, list) or not all(isinstance(x, str) and x for x in listed):
            message = "`includes` must be a list of prompt files, such as `[style.md]`"
            self._fault(path, line, message, code="R046")
            return ()
        if len(listed) > rules.MAX_LINKS:
            message = f"`includes` names {len(listed)} prompts; the limit is {rules.MAX_LINKS}"
            self._fault(path, line, message, code="R046")
        return tuple(Link(_stem(target), target, line) for target in listed[: rules.MAX_LINKS])

    def _including(self, agents: list[Agent]) -> list[Agent]:
        """The agents, their rules with what the prompts of each include."""
        found: dict[str, tuple[Link, ...]] = {}
        waiting = list(self.prompts)
        for path in waiting:
            known = len(self.prompts)
            links = (self._linked(path, link) for link in self.includes[path])
            found[path] = tuple(
                replace(link, title=self.prompts[link.path].title) if link.path else link
                for link in links
            )
            # A prompt outside of the usual folders is read when it is first linked to.
            waiting += list(self.prompts)[known:]
        closures, faults = resolve_includes(found)
        self.faults += faults
        return [
            replace(agent, rules=tuple(_with_includes(rule, closures) for rule in agent.rules))
            for agent in agents
        ]

    def _document(
        self, file: SourceFile, known: frozenset[str], kind: Format
    ) -> frontmatter.Document | None:
        """The file taken apart.

        Other keys than the `known` ones are looked at for slips of the pen, if any are known.
        """
        text, faults = frontmatter.decode(file.path, file.data, lenient=not kind.own)
        self.faults += faults
        if any(fault.severity == "error" for fault in faults):
            return None
        if (count := text.count("\n")) > MAX_FILE_LINES:
            message = f"cannot be read: {count} lines; the limit is {MAX_FILE_LINES}: split it"
            self._fault(file.path, 1, message, code="R001")
            return None
        if kind.body:
            document = frontmatter.toml(file.path, text, kind.body)
        else:
            document = frontmatter.split(file.path, text, lenient=not kind.own)
        self.faults += document.faults
        for key in document.metadata:
            if key in known:
                continue
            if near := slip_of(key, known):
                message = f"key `{key}` is unknown; did you mean `{near}`?"
                self._fault(file.path, document.lines[key], message, code="R009")
        if any(fault.severity == "error" for fault in document.faults):
            return None
        return document

    def _name(
        self, path: str, document: frontmatter.Document, stem: str, kind: Format
    ) -> str | None:
        name = unicodedata.normalize("NFC", self._text(document, "name").strip())
        if not name:
            if "name" in kind.required:
                message = f"no `name`; add `name: {stem}`"
                line = document.lines.get("name", 1)
                self._fault(path, line, message, warning=True, code="R030")
            name = stem
        if not _NAME.fullmatch(name) and not kind.own:
            # A name for people: what cannot be printed, or is markup, is all that has to go.
            kept = (c if c.isprintable() and c not in _MARKUP else " " for c in name)
            name = " ".join("".join(kept).split())[:100] or rules.slug(stem)
        elif not _NAME.fullmatch(name):
            line = document.lines.get("name", 1)
            message = f"name `{name}` has other than letters, digits, spaces, `.`, `_` and `-`"
            self._fault(path, line, message, code="R032")
            return None
        return name

    def _tasks(self, agents: list[Agent]) -> tuple[LabelledTask, ...]:
        """The labelled tasks; without a word on their routes where some could not be read."""
        whole = not any(fault.severity == "error" for fault in self.faults)
        routes = [Route(agent, rule).id for agent in agents for rule in agent.rules]
        files = [file for path, file in self.files.items() if path.startswith("tasks/")]
        tasks, faults = read_tasks(files, frozenset(routes) if whole else None)
        self.faults += faults
        return tasks

    def _rendered(
        self, path: str, document: frontmatter.Document, agent: str | None
    ) -> templates.Rendered | None:
        """The body as a template where it is one, else as it stands; `lines` are the file's."""
        above = document.body_line - 1
        if not self._is_template(path, document, agent):
            count = document.body.count("\n") + 1
            return templates.Rendered(document.body, tuple(range(above + 1, above + count + 1)))
        entries = self.schema["agents"]
        entry = entries.get(agent) if isinstance(entries, dict) else None
        if isinstance(entries, list):
            entry = next(
                (e for e in entries if isinstance(e, dict) and e.get("name") == agent), None
            )
        variables = {
            "schema": self.schema,
            "agent": document.metadata | (entry if isinstance(entry, dict) else {}),
        }
        if agent is None:
            line = document.lines.get("variables", 1)
            defaults = self._variables(path, document.metadata.get("variables"), line)
            variables = defaults | self.variables | variables
        try:
            rendered = templates.render(document.body, variables)
        except templates.TemplateError as error:
            code = "R012" if error.undefined else "R011"
            self._fault(path, error.line + above, str(error), code=code)
            return None
        return replace(rendered, lines=tuple(line + above for line in rendered.lines))

    def _variables(self, path: str, value: Any, line: int) -> dict[str, Any]:
        """What `variables` defines for prompts that are templates."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            message = "`variables` must have one `name: value` a line below it"
            self._fault(path, line, message, code="R048")
            return {}
        for name in {"schema", "agent"} & value.keys():
            message = f"variable `{name}` has a meaning already; rename it"
            self._fault(path, line, message, code="R048")
        return value

    def _is_template(self, path: str, document: frontmatter.Document, agent: str | None) -> bool:
        """Own agents are templates; prompts and other tools' files only where they opt in."""
        choice = document.metadata.get("template")
        if choice not in (None, "jinja", "none"):
            line = document.lines["template"]
            message = f"template `{choice}` is unknown; use `jinja` or `none`"
            self._fault(path, line, message, code="R009")
        if choice is not None or agent is None:
            return choice == "jinja"
        return self.described or rules.selection_line(document.body) is not None

    def _closed(self, path: str, rendered: templates.Rendered) -> templates.Rendered:
        """The text with a code fence or HTML block closed that would swallow what follows it."""
        mark = rules.closing(rendered.text)
        if mark == "":
            return rendered
        last = rendered.lines[-1]
        if mark is None:
            self._fault(path, last, "an HTML block is never closed; close it", code="R013")
            return rendered
        what = "code fence" if mark[0] in "`~" else "HTML block"
        message = f"a {what} is never closed; add `{mark}`"
        self._fault(path, last, message, warning=True, code="R013")
        # The added line is said to come from the file's last.
        return templates.Rendered(f"{rendered.text}\n{mark}", (*rendered.lines, last))

    def _text(self, document: frontmatter.Document, key: str) -> str:
        return " ".join(_plain(document.metadata.get(key)).split())

    def _unique(self, agents: list[Agent]) -> list[Agent]:
        first: dict[str, Agent] = {}
        for agent in agents:
            other = first.setdefault(agent.id, agent)
            if other is agent:
                continue
            message = f"name `{agent.name}` is taken by {other.path}; rename one"
            if {agent.path, other.path} <= self.strict:
                self._fault(agent.path, 1, message, code="R031")
                continue
            # Of other tools' files many are copies: each keeps a name of its own.
            place = posixpath.splitext(agent.path.lstrip("."))[0].removesuffix("/SKILL")
            longer = plain = rules.slug(place)
            number = 1
            while longer in first:
                number += 1
                longer = f"{plain}-{number}"
            message = f"{message}; until then it is `{longer}`"
            self._fault(agent.path, 1, message, warning=True, code="R031")
            first[longer] = replace(agent, id=longer)
        return list(first.values())


def _with_includes(rule: Rule, closures: Mapping[str, tuple[Link, ...]]) -> Rule:
    named = {link.path or link.target for link in rule.use}
    reached = [further for link in rule.use for further in closures.get(link.path or "", ())]
    included = {link.path or link.target: link for link in reached}
    return replace(rule, included=tuple(link for key, link in included.items() if key not in named))


def slip_of(key: str, known: Collection[str]) -> str:
    """The known key that was meant by another one, "" where that may be a key of its own.

    >>> slip_of("descripton", AGENT_KEYS), slip_of("team", AGENT_KEYS)
    ('description', '')
    """
    return next(iter(difflib.get_close_matches(key, known, n=1, cutoff=0.8)), "")


def split_tools(value: Any) -> tuple[str, ...]:
    """A `tools` value as names: a comma or space separated string, a list, or a mapping to bools.

    >>> split_tools("Bash(git:*, ls), Read")
    ('Bash(git:*, ls)', 'Read')
    """
    if isinstance(value, dict):
        return tuple(str(name) for name, wanted in value.items() if wanted)
    if isinstance(value, list):
        return tuple(str(name) for name in value)
    if not isinstance(value, str) or len(value) > MAX_TOOLS_CHARS:
        return ()
    if value.startswith(("[", "- ")):  # a list that YAML refused
        value = re.sub(r"""[][{}"']""", "", value.removeprefix("- ")).replace(" - ", ",")
    separator = "," if "," in re.sub(r"\([^)]*\)", "", value) else r"\s"
    pieces = re.findall(rf"(?:\([^)]*\)|[^(){separator}])+", value)
    return tuple(name for piece in pieces if (name := piece.strip()))


def _plain(value: Any) -> str:
    """A front matter value as text, whatever it is."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _stem(path: str) -> str:
    name = posixpath.basename(path)
    for ending in (".agent.md", ".prompt.md", ".md"):
        name = name.removesuffix(ending)
    return name


def _is_readme(path: str) -> bool:
    return posixpath.basename(path).casefold() == "readme.md"
