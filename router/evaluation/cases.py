"""Sample tasks, each with what it should be routed to: read from JSONL, CSV, YAML and markdown.

{"task": "optimize slow queries", "expect": "backend-developer/database-optimization"}
{"task": "book a table for two tonight", "expect": null, "tags": ["small talk"]}
{"task": "test the API and deploy it", "expect": ["tester/unit-testing", "devops/releases"]}
{"task": "is the build safe?", "expect": "security/review", "accept": ["tester/smoke-test"]}
{"task": "something about the tests", "agent": "tester"}
{"task": "why is it slow", "bundle": ["database-optimization", "query-analysis"], "weight": 2}
"""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from router.errors import CasesError, Fault
from router.library import frontmatter
from router.library.records import LabelledTask, Link, Route
from router.library.tasks import (
    check_keys,
    check_routes,
    format_object,
    json_object,
    names_of,
    read_each,
    split_lines,
    task_of,
)

KEYS = frozenset(
    {"task", "expect", "rule", "accept", "agent", "bundle", "tags", "weight", "note", "draft"}
)
LISTS = ("expect", "rule", "accept", "agent", "bundle", "tags")
"""Keys that may name several; in a table with commas or ` + ` between them."""

NONE = "none"
MAX_BYTES = 64 << 20

Level = Literal["rule", "bundle", "agent"]


@dataclass(frozen=True, slots=True)
class Case:
    """A sample task and what it should be routed to; to nothing, if no rule fits.

    Right is to take exactly the routes of `expect`, in whatever order, or any of `accept`.
    `level` is how precisely that is said: an `agent` accepts all of its rules. `bundles` are the
    prompts that each of the right answers leads to. `path` and `line` say where it is written.
    """

    task: str
    expect: tuple[str, ...]
    line: int = 0
    path: str = ""
    accept: frozenset[str] = frozenset()
    level: Level = "rule"
    bundles: frozenset[frozenset[str]] = frozenset()
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    note: str = ""

    @property
    def source(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def fits(self) -> bool:
        """Whether any rule fits it."""
        return bool(self.expect or self.accept)

    @property
    def label(self) -> str:
        """What it expects, for people."""
        if self.level == "agent":
            return " or ".join(f"{agent}/…" for agent in sorted(agents_of(self.accept)))
        alone = " + ".join(self.expect)
        return " or ".join([*([alone] if alone else []), *sorted(self.accept)]) or NONE

    def welcomes(self, route: str) -> bool:
        """Whether a route is among the right ones.

        >>> Case("ship it", ("ops/release",), accept=frozenset({"qa/smoke"})).welcomes("qa/smoke")
        True
        """
        return route in self.expect or route in self.accept


def agents_of(routes: Iterable[str]) -> frozenset[str]:
    """The agents of some routes.

    >>> agents_of(["tester/unit-testing", "tester/load-testing"])
    frozenset({'tester'})
    """
    return frozenset(route.partition("/")[0] for route in routes)


def read_cases(
    path: Path,
    routes: Iterable[Route] | None,
    notify: Callable[[str], None] = lambda message: None,
) -> tuple[Case, ...]:
    """The cases of a file; its ending says what it is: `.jsonl`, `.csv`, `.yaml` or `.md`.

    `routes` are those that there are, None where they are not known (another router's labels are
    not checked). Drafts are left out, and `notify` is told how many. Raises `CasesError` with
    every bad line.
    """
    known = None if routes is None else {route.id: route for route in routes}
    rows, faults = _rows(path, _bytes_of(path), known)
    cases = tuple(row for row in rows if isinstance(row, Case))
    if not cases and not faults:
        message = 'no cases; add {"task": "…", "expect": "agent/rule"}'
        if rows:
            message = "only drafts; edit them, and delete `draft` where a case is right"
        faults.append(Fault(str(path), 1, message))
    if faults:
        raise CasesError(tuple(faults))
    if drafts := len(rows) - len(cases):
        notify(f"{path}: {drafts} drafts do not count")
    return cases


def case_of(labelled: LabelledTask, routes: dict[str, Route]) -> Case:
    """A labelled task as a case; `routes` by their ids say what its bundle is."""
    expect = labelled.expect
    known = bool(expect) and set(expect) <= routes.keys()
    bundles = frozenset([_bundle(routes[route] for route in expect)] if known else [])
    return Case(labelled.task, expect, labelled.line, labelled.path, bundles=bundles)


def draft_rows(routes: Iterable[Route]) -> tuple[dict[str, Any], ...]:
    """A draft for each When and each Example of the rules, for a person to put into other words.

    As they stand they would find themselves.
    """
    return tuple(
        {"task": text, "expect": route.id, "draft": True, "note": f"{field}: use other words"}
        for route in routes
        for field, text in (
            ("from When", route.rule.when),
            *(("from Examples", example) for example in route.rule.examples),
        )
        if text.strip()
    )


def format_drafts(rows: Sequence[dict[str, Any]], ending: str) -> str:
    """The text of a file with this ending that `read_cases` reads back as these rows.

    Raises `ValueError` for an ending that is not one of a file of cases.
    """
    keys = ("task", "expect", "draft", "note")
    if ending == ".csv":
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerows([keys, *([row["task"], row["expect"], "yes", row["note"]] for row in rows)])
        return text.getvalue()
    if ending in (".yaml", ".yml"):
        import yaml

        return yaml.safe_dump(list(rows), allow_unicode=True, sort_keys=False, width=100)
    if ending == ".md":
        lines = [f"| {' | '.join(keys)} |", f"|{'---|' * len(keys)}"]
        for row in rows:
            task = _escaped(" ".join(row["task"].split()))
            lines.append(f"| {task} | {row['expect']} | yes | {row['note']} |")
        return "\n".join(lines) + "\n"
    if ending == ".jsonl":
        return b"".join(map(format_object, rows)).decode()
    endings = ", ".join((".jsonl", *_READERS))
    raise ValueError(f"`{ending}` is no ending of a file of cases; there are {endings}")


def _bytes_of(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            message = f"is no regular file of at most {MAX_BYTES >> 20} MB"
            raise CasesError((Fault(str(path), 1, message),))
        return path.read_bytes()
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise CasesError((Fault(str(path), 1, f"cannot be read: {cause}"),)) from None


class _Draft:
    """A row that does not count."""


def _rows(
    path: Path, data: bytes, routes: dict[str, Route] | None
) -> tuple[list[Case | _Draft], list[Fault]]:
    source = str(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        lines = enumerate(split_lines(data), start=1)

        def from_line(number: int, line: bytes) -> Case | _Draft | None:
            row = json_object(line)
            return None if row is None else _case(row, source, number, routes)

        return read_each(source, lines, from_line)
    text, wrong = frontmatter.decode(source, data)
    faults = [fault for fault in wrong if fault.severity == "error"]
    if faults:
        return [], faults
    try:
        parts = list(reader(source, text))
    except CasesError as error:
        return [], list(error.faults)

    def from_row(number: int, row: Any) -> Case | _Draft:
        if isinstance(row, ValueError):
            raise row
        if not isinstance(row, dict) or not all(isinstance(key, str) for key in row):
            raise ValueError("is no mapping; write `task: …` and `expect: agent/rule`")
        return _case(row, source, number, routes)

    return read_each(source, parts, from_row)


def _csv(source: str, text: str) -> Iterator[tuple[int, Any]]:
    table = csv.reader(io.StringIO(text), strict=True)
    columns: list[str] = []
    before = 0
    while True:
        try:
            cells = next(table, None)
        except csv.Error as error:
            raise CasesError((Fault(source, table.line_num, f"CSV: {error}"),)) from None
        line, before = before + 1, table.line_num
        if cells is None:
            return
        if not columns:
            columns = _columns(source, line, cells)
        elif any(cell.strip() for cell in cells):
            yield line, _from_cells(columns, cells)


def _yaml(source: str, text: str) -> Iterator[tuple[int, Any]]:
    rows, faults = frontmatter.rows(source, text)
    if faults:
        raise CasesError(faults)
    yield from rows


def _markdown(source: str, text: str) -> Iterator[tuple[int, Any]]:
    """The rows of every table that has a column `task`."""
    from markdown_it import MarkdownIt

    columns: list[str] = []
    cells: list[str] = []
    line, head, found = 1, False, False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "thead_open":
            head = True
        elif token.type == "tr_open":
            cells, line = [], (token.map or [0])[0] + 1
        elif token.type == "inline" and token.level > 2:
            cells.append(token.content.strip().strip("`"))
        elif token.type == "tr_close" and head:
            head = False
            has_task = "task" in (cell.lower() for cell in cells)
            columns = _columns(source, line, cells) if has_task else []
            found = found or has_task
        elif token.type == "tr_close" and columns:
            yield line, _from_cells(columns, cells)
    if not found:
        message = "no table of cases; add one with the columns `task` and `expect`"
        raise CasesError((Fault(source, 1, message),))


_READERS: dict[str, Callable[[str, str], Iterator[tuple[int, Any]]]] = {
    ".csv": _csv,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".md": _markdown,
}


def _columns(source: str, line: int, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    try:
        check_keys(columns, KEYS)
        if "task" not in columns:
            raise ValueError("no column `task`; name the columns in the first line")
    except ValueError as error:
        raise CasesError((Fault(source, line, str(error)),)) from None
    return columns


def _from_cells(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any] | ValueError:
    """A row of a table as a JSON line would have it; an empty cell says nothing."""
    if len(cells) > len(columns):
        return ValueError(f"has {len(cells)} cells for {len(columns)} columns; quote the commas")
    row: dict[str, Any] = {}
    for key, cell in zip(columns, cells, strict=False):
        said = cell.strip()
        if said and key in LISTS:
            row[key] = [name.strip(" `") for name in said.replace(" + ", ",").split(",")]
        elif said and key == "draft":
            row[key] = said.lower() not in ("no", "false", "0")
        elif said and key == "weight":
            try:
                row[key] = float(said)
            except ValueError:
                row[key] = said
        elif said:
            row[key] = cell
    return row


def _case(
    row: dict[str, Any], source: str, line: int, routes: dict[str, Route] | None
) -> Case | _Draft:
    """The case that a row is; raises `ValueError` if it is bad."""
    check_keys(row, KEYS)
    draft = row.get("draft", False)
    if not isinstance(draft, bool):
        raise ValueError("`draft` is neither true nor false")
    said = {"expect": _rule(row), "agent": row.get("agent"), "bundle": row.get("bundle")}
    if not {"expect", "rule", "agent", "bundle"} & row.keys():
        raise ValueError("no `expect`; give the route's id, or null if no rule fits")
    task = task_of(row)
    expect, agents = names_of(said["expect"], "expect"), names_of(said["agent"], "agent")
    prompts, accept = names_of(said["bundle"], "bundle"), names_of(row.get("accept"), "accept")
    weight, note = row.get("weight", 1.0), row.get("note", "")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < 1e6:
        raise ValueError("`weight` is no number above 0")
    if not isinstance(note, str):
        raise ValueError("`note` is no text")
    if expect == (NONE,):
        expect = ()
    if draft:
        return _Draft()
    check_routes((*expect, *accept), None if routes is None else routes.keys())
    none = not expect and {"expect", "rule"} & row.keys()
    if none and (agents or prompts or accept):
        raise ValueError("no rule is expected, and yet something is; delete one of them")
    level: Level = "rule"
    right = frozenset(accept)
    if not none and not expect:
        level = "bundle" if prompts else "agent"
        right |= _resolved(agents, prompts, routes)
    elif agents and not agents_of((*expect, *accept)) <= set(agents):
        raise ValueError(f"`agent` is {', '.join(agents)}, but `expect` is of another")
    known = routes or {}
    answers = [[known[route]] for route in right if route in known]
    if expect and set(expect) <= known.keys():
        answers.append([known[route] for route in expect])
    if expect and prompts and not any(_has(answer, prompts) for answer in answers):
        raise ValueError("`bundle` is not that of the expected rule; delete one of them")
    return Case(
        task, expect, line, source, right, level, frozenset(map(_bundle, answers)),
        names_of(row.get("tags"), "tags"), float(weight), note,
    )  # fmt: skip


def _rule(row: dict[str, Any]) -> Any:
    """What is expected: `rule` is the same as `expect`, or the second half beside an `agent`."""
    if "rule" not in row:
        return row.get("expect")
    if "expect" in row:
        raise ValueError("`expect` and `rule` say the same; delete one of them")
    rule, agent = row["rule"], row.get("agent")
    agents = names_of(agent, "agent")
    rules = names_of(rule, "rule")
    if len(agents) == 1 and rules != (NONE,):
        return [name if "/" in name else f"{agents[0]}/{name}" for name in rules]
    return list(rules)


def _resolved(
    agents: Sequence[str], prompts: Sequence[str], routes: dict[str, Route] | None
) -> frozenset[str]:
    """The routes of these agents with this bundle; raises `ValueError` where there is none."""
    if routes is None:
        raise ValueError("`agent` and `bundle` need a library; give `expect`")
    for agent in agents:
        names = {route.agent.id for route in routes.values()}
        if agent not in names:
            raise ValueError(f"no agent `{agent}`; there are {', '.join(sorted(names))}")
    found = frozenset(
        route.id
        for route in routes.values()
        if (not agents or route.agent.id in agents) and (not prompts or _has([route], prompts))
    )
    if not found:
        raise ValueError(f"no rule uses {' + '.join(prompts) or 'this'}; see `route rules`")
    return found


def _bundle(routes: Iterable[Route]) -> frozenset[str]:
    """The prompts that a model is given when all of these are taken."""
    return _paths(link for route in routes for link in route.rule.bundle)


def _has(routes: Sequence[Route], prompts: Sequence[str]) -> bool:
    """Whether these are the prompts of the routes, each by its path or its name alone.

    What they include may be named or not.
    """
    whole, linked = _bundle(routes), _paths(link for route in routes for link in route.rule.use)
    return any(
        set(prompts) in (set(paths), {_name(path) for path in paths}) for paths in (whole, linked)
    )


def _paths(links: Iterable[Link]) -> frozenset[str]:
    return frozenset(link.path or link.target for link in links)


def _name(path: str) -> str:
    return PurePosixPath(path).name.removesuffix(".md").removesuffix(".prompt")


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|")
