"""The command line's edge: everything that prints, and every exit code.

`commands` declares the options; `__main__` starts one or the other.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.context.formats import Format, check_format
from router.errors import FilesError, RouterError, UsageError, printable
from router.router import Router

if TYPE_CHECKING:
    from router.context.parts import Context
    from router.decision.deciding import Decision
    from router.evaluation.assessing import Assessment, Folds, Progress
    from router.evaluation.cases import Case
    from router.terminal.report import Table

Libraries = Sequence[str] | None
"""Folders, each alone or as `NAME=FOLDER`; without any, the library around or the shipped one."""

DONE, FAULT, USAGE, ABSTAINED, INTERRUPTED = 0, 1, 2, 3, 130

STDIN_SECONDS = 0.25
"""How long a pipe beside a task may stay silent before it is taken for an inherited one."""

MAX_STDIN_CHARS = 1 << 20
MAX_COLUMNS = 120


def guarded(command: Callable[..., int], *arguments: Any, **options: Any) -> int:
    """The exit code of a command; our own errors become lines on stderr."""
    _prepare_streams()
    try:
        status = command(*arguments, **options)
        sys.stdout.flush()
        return status
    except UsageError as error:
        say(str(error))
        return USAGE
    except FilesError as error:
        for fault in error.faults:
            say(str(fault))
        return FAULT
    except RouterError as error:
        say(str(error))
        return FAULT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as in `route … | head`; nothing more can be written.
        _discard_output()
        return FAULT
    except OSError as error:
        say(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        _discard_output()
        return FAULT


def _prepare_streams() -> None:
    """Streams that are there and take any text, whatever the parent process left us."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for the whole process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """So that the interpreter does not fail again when it flushes at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def answer(
    words: Sequence[str],
    *,
    agent: str | None = None,
    top: int = 5,
    library: Libraries = None,
    as_json: bool = False,
    budget: int | None = None,
    format: Format = "markdown",
) -> int:
    """Route a task; the context goes to stdout, a line about the decision to stderr."""
    check_format(format)
    if as_json and format != "markdown":
        raise UsageError("format: `--json` is one by itself; give either it or `--format`")
    router, decision = _routed(words, agent, top, library)
    context = router.assemble(decision, budget=budget, format=format)
    for missing in context.missing:
        say(f"missing prompt: {printable(missing)}")
    if context.dropped:
        from router.terminal.report import dropped_lines

        for line in dropped_lines(context):
            say(line)
    if as_json:
        show_json({"decision": decision.to_dict(), "context": context.to_dict()})
    elif not decision.abstained:
        _show_context(context, format)
    return ABSTAINED if decision.abstained else DONE


def show(
    route: str,
    *,
    diff: str | None = None,
    library: Libraries = None,
    as_json: bool = False,
    format: Format = "markdown",
) -> int:
    """Print what a match of a rule puts into a context, or how it differs from another's."""
    check_format(format)
    if as_json and (diff or format != "markdown"):
        raise UsageError("format: `--json` is one by itself; leave `--diff` and `--format` out")
    router = load(library)
    context = router.show(route)
    if diff is not None:
        from router.terminal.report import difference

        other = router.show(diff)
        sys.stdout.write(difference(route, context.render(format), diff, other.render(format)))
    elif as_json:
        show_json({"route": route} | context.to_dict())
    else:
        _show_context(context, format)
    return DONE


def why(
    words: Sequence[str],
    *,
    agent: str | None = None,
    top: int = 5,
    library: Libraries = None,
    as_json: bool = False,
    flip: bool = False,
    to: str | None = None,
) -> int:
    """Show what spoke for and against each candidate, what is missing, and with `flip` an edit."""
    from router.terminal.report import explanation_lines, flip_line, margin_line

    router, decision = _routed(words, agent, top, library)
    if decision.outcome == "taught":
        # A label decides whatever the words say; what they say is still worth knowing.
        taught, decision = decision, router.route(decision.task, agent=agent, top=top, recall=False)
        say(f"by its words alone: {decision.line}")
    else:
        taught = decision
    margin = router.margin(decision, to=to)
    if to and all(candidate.route != to for candidate in decision.candidates):
        ranked = router.route(decision.task, agent=agent, top=len(router.routes)).candidates
        named = (candidate for candidate in ranked if candidate.route == to)
        decision = replace(decision, candidates=(*decision.candidates, *named))
    evidence = decision.evidence
    if not as_json:
        _show_lines([*explanation_lines(evidence, _width()), "", margin_line(margin, decision)])
        sys.stdout.flush()  # the search takes seconds
    found = router.flip(decision, to=to, notify=say) if flip else None
    if as_json:
        more = {"evidence": [explained.to_dict() for explained in evidence]}
        show_json(
            taught.to_dict()
            | more
            | {"margin": margin and margin.to_dict(), "flip": found and found.to_dict()}
        )
    elif found:
        _show_lines([flip_line(found, decision)])
    return ABSTAINED if taught.abstained else DONE


def _routed(
    words: Sequence[str], agent: str | None, top: int, library: Libraries
) -> tuple[Router, Decision]:
    """The decision for a task, announced in one line."""
    router = load(library)
    decision = router.route(read_task(words), agent=agent, top=top)
    say(decision.line)
    return router, decision


def rules(
    *,
    agent: str | None = None,
    tokens: bool = False,
    library: Libraries = None,
    as_json: bool = False,
) -> int:
    """List the rules of the library; with `tokens` how much a match of each gives to read."""
    from router.terminal.report import rules_table, sizes, sizes_table

    router = load(library)
    routes = [router.routes[number] for number in router.eligible(agent)]
    contexts = [router.show(route.id) for route in routes] if tokens else []
    if as_json:
        listed = [route.to_dict() for route in routes]
        for row, context in zip(listed, contexts, strict=False):
            row["tokens"] = sizes(context)
        show_json(listed)
    else:
        _show_table(sizes_table(routes, contexts) if tokens else rules_table(routes))
    return DONE


def check(
    *,
    fix: bool = False,
    strict: bool = False,
    fast: bool = False,
    output: str = "text",
    library: Path | None = None,
) -> int:
    """Show what is wrong with the library; with `fix`, mend what can be first."""
    from router.checking import checking, fixing
    from router.library.source import shipped_library
    from router.terminal import findings

    root = _changeable(library, "mended") if fix else _own_library(library) or shipped_library()
    if fix:
        static = checking.check(root, compiled=False, notify=say)
        for path, count in fixing.fix(root, static.findings).items():
            say(f"mended: {printable(path)} ({count})")
    report = checking.check(root, compiled=not fast, notify=say)
    sys.stdout.write(findings.FORMATS[output](report))
    say(findings.summary(report))
    return FAULT if report.fails(strict=strict) else DONE


def explain_check(code: str) -> int:
    """Print the page of a finding's code, or all of them."""
    from router.checking.catalogue import BY_CODE, page, pages

    if code.casefold() == "all":
        sys.stdout.write(pages())
        return DONE
    if code.upper() not in BY_CODE:
        raise UsageError(f"explain: there is no code `{code}`; see `route check --explain all`")
    text = page(BY_CODE[code.upper()])
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console(width=_width()).print(Markdown(text))
    else:
        sys.stdout.write(text)
    return DONE


def overlap(
    *,
    alike: float,
    library: Libraries = None,
    as_json: bool = False,
) -> int:
    """List the rules that are in each other's way."""
    from router.evaluation.overlap import overlaps
    from router.terminal.report import overlap_lines

    found = overlaps(load(library), alike=alike)
    if as_json:
        show_json(found.to_dict())
    else:
        _show_lines(overlap_lines(found))
    return DONE


def compile_library(*, library: Libraries = None, as_json: bool = False) -> int:
    """Compile the library if it has changed, and say what is in it."""
    import time

    started = time.perf_counter()
    heard: list[str] = []
    router = load(library, heard)
    seconds = time.perf_counter() - started
    model = router.model
    warnings = [str(fault) for fault in model.warnings]
    for line in warnings:
        if line not in heard:
            say(line)
    if as_json:
        show_json(
            {
                "project": model.project,
                "agents": len(model.agents),
                "rules": len(router.routes),
                "prompts": len(model.prompts),
                "encoder": model.encoder,
                "warnings": warnings,
                "seconds": round(seconds, 3),
            }
        )
    else:
        print(
            f"{model.project}: {len(model.agents)} agents, {len(router.routes)} rules,"
            f" {len(model.prompts)} prompts, {len(warnings)} warnings; {seconds:.1f} s"
        )
    return DONE


def evaluate(
    file: Path | None,
    *,
    folds: int = 5,
    repeats: int | None = None,
    seed: int = 0,
    least: Sequence[str] = (),
    most: Sequence[str] = (),
    against: str | None = None,
    fail_on: Sequence[str] = (),
    router: str | None = None,
    junit: Path | None = None,
    html: Path | None = None,
    tags: Sequence[str] = (),
    library: Libraries = None,
    as_json: bool = False,
) -> int:
    """Route sample tasks, without a file the learned ones, and compare with what they expect.

    Learned tasks are cross-validated. `against` is another version to compare with, `router` one
    to judge in place of the library's.
    """
    from router.evaluation import assessing, gates
    from router.terminal.report import leak_lines, why_line

    asked = gates.Gates(
        (*gates.parse_bounds("min", least), *gates.parse_bounds("max", most)),
        gates.parse_fail_on(fail_on),
    )
    if fail_on and against is None:
        raise UsageError("--fail-on: there is nothing to compare with; add --against")
    places, chosen = _places(library), assessing.Folds(folds, repeats, seed)
    root = places if isinstance(places, Path) else None
    if against is not None and root is None:
        raise UsageError("--against: one library at a time can be compared with another version")
    # Another router's labels need not be those of a library that happens to be near.
    ours = load(library, arrays=None) if router is None or library is not None else None
    if ours and root:
        asked = asked.over(gates.read_gates(os.fspath(root)))
    asked = gates.checked(asked)
    with _progress() as notify:
        found = _assessed(file, tags, router, ours, chosen, notify)
        if against is not None and root is not None:
            found = assessing.compared(found, against, root, chosen, notify, say)
    found = found.gated(asked)
    for line in leak_lines(found.leaks):
        say(line)
    if found.against and found.against.missing:
        say(f"{against} has no answer to {len(found.against.missing)} of the tasks")
    if as_json:
        show_json(found.to_dict(), indent=None)  # ten times as fast, and a report may be large
    else:
        _show_assessment(found)
    if junit is not None:
        from router.evaluation.junit import junit as as_junit

        junit.write_bytes(as_junit(found.report, found.failed, why_line))
    if html is not None:
        name = router or (ours.model.project if ours else "")
        title = f"{name}: {file.name if file else 'the tasks that it has learned'}"
        page = _page(found, title, None if router else ours)
        html.write_text(page, encoding="utf-8")
    for failure in found.failed:
        say(f"gate: {failure.message}")
    return FAULT if found.failed else DONE


def _assessed(
    file: Path | None,
    tags: Sequence[str],
    router: str | None,
    ours: Router | None,
    folds: Folds,
    notify: Progress,
) -> Assessment:
    """How the router of that name does on the tasks of `file`, else how `ours` does."""
    from router.evaluation import answers, assessing
    from router.evaluation.cases import read_cases
    from router.evaluation.crossvalidation import own_cases

    routes = ours.routes if ours else None
    if router is not None:
        if file is None:
            raise UsageError("file: name a file of sample tasks for the other router")
        other = answers.named(router)
        cases = _tagged(read_cases(file, routes, say), tags)
        return assessing.assess_other(other, cases, folds, notify)
    assert ours is not None
    learned = ours.model.tasks
    if file is not None:
        cases = _tagged(read_cases(file, routes, say), tags)
    elif learned:
        cases = own_cases(learned, ours.routes)
    else:
        raise UsageError(
            "file: the library has learned no task; name a file of sample tasks, or teach"
            " it some with `route learn TASK --as agent/rule`"
        )
    return assessing.assess(ours, cases, folds, notify, own=file is None)


def _tagged(cases: tuple[Case, ...], tags: Sequence[str]) -> tuple[Case, ...]:
    """The cases with any of the tags; all of them where none is asked for."""
    found = tuple(case for case in cases if not tags or set(tags) & set(case.tags))
    if cases and not found:
        known = sorted({tag for case in cases for tag in case.tags})
        raise UsageError(f"--tag: no task has {', '.join(tags)}; there are {', '.join(known)}")
    return found


def _page(found: Assessment, title: str, ours: Router | None) -> str:
    from router.evaluation.page import Findings, page
    from router.evaluation.plane import placed
    from router.terminal.report import LABELS, why_line

    rules, cases = placed(ours, found.report.results) if ours else ((), ())
    changed, before = (found.against.paired, found.against.name) if found.against else (None, "")
    findings = Findings(title, found.report, found.metrics, rules, cases, changed, before)
    return page(findings, LABELS, why_line)


def _show_assessment(found: Assessment) -> None:
    """What was missed and where, before the figures: those stay in view on a terminal."""
    from router.terminal import report

    tables: list[Table | Sequence[str]] = []
    if found.report.misses:
        on_screen = sys.stdout.isatty()
        tables.append(
            report.miss_lines(found.report, _width())
            if on_screen
            else report.misses_table(found.report)
        )
    learning, against = found.learning, found.against
    if learning and learning.paired.changes:
        tables.append(report.changes_table(learning.paired))
    if against and against.paired.changes:
        tables.append(report.changes_table(against.paired, against.name, "now"))
    tables.append(report.scores_table(found.metrics))
    if mistakes := report.confusions_table(found.metrics):
        tables.append(mistakes)
    if learning:
        tables += [report.comparison_table(learning), report.comparison_lines(learning)]
    tables.append(report.figures_table(found.metrics, beside=learning is not None))
    if against:
        tables.append([f"against {against.name}: {report.paired_line(against.paired)}"])
    for number, shown in enumerate(tables):
        if number:
            print()
        if isinstance(shown, Sequence):
            _show_lines(shown)
        else:
            _show_table(shown)
    say(report.latency_line(found.metrics))


def new_cases(file: Path | None, *, agent: str | None = None, library: Libraries = None) -> int:
    """Draft sample tasks for the rules of the library."""
    from router.evaluation.cases import draft_rows, format_drafts

    router = load(library)
    rows = draft_rows([router.routes[number] for number in router.eligible(agent)])
    try:
        text = format_drafts(rows, file.suffix.lower() if file else ".jsonl")
    except ValueError as error:
        raise UsageError(f"file: {error}") from None
    if file is None:
        sys.stdout.write(text)
        return DONE
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise UsageError(f"file: {file} is there already; name a new one") from None
    say(f"{file}: {len(rows)} drafts; put each into other words, and delete its `draft`")
    return DONE


def init(folder: Path) -> int:
    """Copy the starting library to a folder."""
    import shlex

    from router.library import starting

    for path in starting.start(folder):
        print(printable(str(folder / path)))
    place = shlex.quote(str(folder))
    say(f"next: cd {place} && route 'checkout shows an error' && route eval cases.yaml")
    return DONE


def new(kind: str, words: Sequence[str], *, library: Path | None = None) -> int:
    """Add an agent or a prompt of the right form to the library."""
    from router.library import starting

    root = _changeable(library, "added to")
    try:
        paths = starting.add(root, kind, " ".join(words))
    except ValueError as error:
        raise UsageError(str(error)) from None
    for path in paths:
        print(printable(str(root / path)))
    return DONE


def export(target: str, folder: Path, *, library: Libraries = None) -> int:
    """Write the library in the format of another tool."""
    from router.exporting import exporting
    from router.library.writing import write_new

    made = exporting.export(load(library).model, target)
    written = write_new(str(folder), made.files, again=True)
    for path in written:
        print(printable(str(folder / path)))
    for loss in made.losses:
        say(str(loss))
    say(f"{len(made.files)} files, {len(written)} of them new; {len(made.losses)} not held")
    return DONE


def learn(
    words: Sequence[str],
    *,
    route: str | None = None,
    none: bool = False,
    library: Path | None = None,
    as_json: bool = False,
) -> int:
    """Write into the library which rule a task belongs to, or that none fits it."""
    from router.library import learning
    from router.terminal.report import before_line, lesson_line

    if (route is None) is not none:
        raise UsageError("label: give either `--as agent/rule` or `--none`")
    root = _changeable(library, "taught")
    router = load([os.fspath(root)])
    decision = router.route(read_task(words))
    lesson = learning.learn(root, decision.task, route, {r.id for r in router.routes})
    if as_json:
        show_json(lesson.to_dict() | {"before": decision.to_dict()})
    else:
        print(lesson_line(lesson))
        say(before_line(lesson, decision))
    return DONE


def tune(
    file: Path,
    *,
    precision: float | None = None,
    coverage: float | None = None,
    dry_run: bool = False,
    library: Path | None = None,
    as_json: bool = False,
) -> int:
    """Fit threshold and calibration to labelled tasks and write them into the library."""
    from router.evaluation import measuring, tuning
    from router.evaluation.cases import read_cases
    from router.library import learning, settings
    from router.terminal.report import (
        curve_table,
        expectation_table,
        held_out_line,
        saved_line,
        unsaved_line,
        wish_line,
    )  # fmt: skip

    if precision is not None and coverage is not None:
        raise UsageError("wish: give either `--precision` or `--coverage`")
    root = _changeable(library, "tuned")
    router = load([os.fspath(root)])
    read = read_cases(file, router.routes, say)
    learned = learning.learned_tasks(root, router.routes)
    cases, taught, repeated = tuning.usable(str(file), read, learned)
    results = measuring.evaluate(partial(router.route, recall=False), cases).results
    found = tuning.tune(
        tuning.observe(results, router.model.scale),
        tuning.Wish(precision, coverage),
        router.model.calibration,
        router.calibration,
    )
    if taught:
        say(f"left out: {taught} tasks that the library has learned from")
    if repeated:
        say(f"left out: {repeated} tasks that repeat others")
    if not as_json:
        _show_table(curve_table(found))
        print(f"\narea under risk and coverage (AURC): {found.curve.area:.3f}\n")
        _show_table(expectation_table(found))
        print()
    saved = None
    if found.granted and not dry_run:
        # Until here nothing has changed; what was shown stands, whatever happens now.
        saved = settings.save_routing(root, found.routing, lambda: Router.load(root).model.routing)
    if as_json:
        counts = {"cases": len(cases), "left_out": {"learned": taught, "repeated": repeated}}
        show_json(counts | found.to_dict() | {"written": saved is not None})
    elif saved:
        print(saved_line(saved, router.calibration))
    elif found.granted:
        print(unsaved_line(found, router.calibration))
    if not found.granted:
        say(wish_line(found))
        return FAULT
    if warning := held_out_line(found):
        say(warning)
    return DONE


def load(
    library: Libraries, heard: list[str] | None = None, *, arrays: bool | None = False
) -> Router:
    """The router of `library`, ROUTE_LIBRARY, the nearest folder upwards or the shipped library.

    What is said while loading is also added to `heard`. One task does not earn back the import of
    numpy, and thousands do: see `Router.load` for `arrays`.
    """

    def notify(message: str) -> None:
        if heard is not None:
            heard.append(message)
        say(message)

    router = Router.load(_places(library), notify=notify, arrays=arrays)
    for notice in router.notices:
        say(notice)
    return router


def _places(library: Libraries) -> Path | dict[str, str]:
    """The one library, or several by their names."""
    if not library:
        return _root(None)
    if len(library) == 1 and ("=" not in library[0] or os.path.isdir(library[0])):
        return Path(library[0])
    from router.library.joining import namespaces  # late: it is seldom asked for

    return namespaces(library)


def _root(library: Path | None) -> Path:
    from router.library.source import shipped_library

    return _own_library(library) or shipped_library()


def _changeable(library: Path | None, how: str) -> Path:
    """The library that is to be changed: never the shipped one."""
    from router.library.source import SHIPPED, shipped_library

    root = _own_library(library)
    if root is None or os.path.realpath(root) == os.path.realpath(SHIPPED):
        raise UsageError(
            f"library: the one shipped with this program cannot be {how}; `route init DIR` makes"
            " one of your own, or copy agents/, prompts/, tasks/ and project.yaml of"
            f" {shipped_library()}"
        )
    return root


def _own_library(library: Path | None) -> Path | None:
    """`library`, ROUTE_LIBRARY or the nearest folder upwards; None if there is none."""
    from router.library.source import find_library

    if library:
        return library
    if chosen := os.environ.get("ROUTE_LIBRARY"):
        return Path(chosen)
    try:
        return find_library(os.getcwd())
    except FileNotFoundError:
        raise UsageError("library: the current folder is gone; change to another") from None


def read_task(words: Sequence[str]) -> str:
    """The words of the command line; standard input where `-` stands, or behind them."""
    spoken = " ".join(word for word in words if word != "-")
    if sys.stdin is None or ("-" not in words and not _has_input()):
        return spoken
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Undecodable bytes become surrogates, which the router refuses with a clear error.
        sys.stdin.reconfigure(errors="surrogateescape")
    piped = sys.stdin.read(MAX_STDIN_CHARS).strip("\n")
    return "\n\n".join(part for part in (spoken, piped) if part)


def _has_input() -> bool:
    """Whether standard input was meant for this command.

    A pipe that stays silent may be one that a parent left open; a file that was partly read
    belongs to the loop that reads it.
    """
    import select
    import stat

    try:
        status = os.fstat(0)
        if stat.S_ISREG(status.st_mode):
            return status.st_size > 0 and os.lseek(0, 0, os.SEEK_CUR) == 0
        return stat.S_ISFIFO(status.st_mode) and bool(select.select([0], [], [], STDIN_SECONDS)[0])
    except (OSError, ValueError):
        return False


def say(message: str) -> None:
    """A message for people, beside the data."""
    print(message, file=sys.stderr)


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """To be told what is done and how much of how much; a bar on a terminal, gone when it ends."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Left())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        number = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(
            number, description=what, completed=done, total=total
        )


def show_json(value: object, indent: int | None = 2) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=indent))


def _show_context(context: Context, format: Format) -> None:
    text = context.render(format)
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    # Control characters of a file or a task must not drive the terminal.
    text = "".join(c if c.isprintable() or c in "\n\t" else "␛" for c in text)
    Console().print(
        Syntax(text, _LEXERS.get(format, "json"), word_wrap=True, background_color="default")
    )


_LEXERS = {"markdown": "markdown", "xml": "markdown"}
"""What a format looks like on a terminal."""


def _show_lines(lines: Sequence[str]) -> None:
    """Lines as they are; on a terminal with colours."""
    if not sys.stdout.isatty():
        print("\n".join(lines))
        return
    from rich.console import Console
    from rich.text import Text

    for line in lines:
        drawn = Text(line)
        drawn.highlight_regex(r"\+\d\.\d\d", "green")
        drawn.highlight_regex(r"−\d\.\d\d", "red")
        drawn.highlight_regex(r"\([^)]*\)", "dim")
        drawn.highlight_regex(r"^\d+  \S+|^add ", "bold")
        Console().print(drawn, soft_wrap=True)


def _width() -> int:
    """Columns to fill: the terminal's, no more than are easy to read."""
    import shutil

    return min(shutil.get_terminal_size().columns, MAX_COLUMNS)


def _show_table(table: Table) -> None:
    if not sys.stdout.isatty():
        print(table.plain)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(box=box.SIMPLE_HEAD)
    for column in table.columns:
        drawn.add_column(column, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)
