"""The command line: a thin edge. Data on stdout, messages on stderr, exit codes only here."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from router import __version__
from router.errors import FilesError, RouterError, UsageError, printable

if TYPE_CHECKING:
    from router.report import Table
    from router.router import Router

FAULT, USAGE, ABSTAINED = 1, 2, 3

STDIN_SECONDS = 0.25
"""How long a pipe beside a task may stay silent before it is taken for an inherited one."""


class _TaskByDefault(TyperGroup):
    """`route "some task"` is `route task "some task"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = ("--help", "--version", "--install-completion", "--show-completion")
        if args and args[0] not in self.commands and args[0] not in options:
            args = ["task", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="route",
    cls=_TaskByDefault,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Match a task to the right agent and prompts, and assemble the context for a model.",
)

Tasks = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK...", help="The task; `-` stands for standard input.", show_default=False
    ),
]
LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help="The library; else ROUTE_LIBRARY, else the nearest folder upwards with agents/, "
        "else the one shipped with this program.",
        show_default=False,
    ),
]
AgentOption = Annotated[
    str | None, typer.Option(help="Only the rules of this agent.", show_default=False)
]
TopOption = Annotated[int, typer.Option(min=1, help="How many candidates to show.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """The console script."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        print(f"whenuse {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Match a task to the right agent and prompts, and assemble the context for a model."""


@app.command("task")
def task_command(
    task: Tasks,
    agent: AgentOption = None,
    top: TopOption = 5,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Route a task and print its context (the default: `route "fix the login"`)."""
    with _errors():
        router = _load(library)
        decision = router.route(_task(task), agent=agent, top=top)
        context = router.assemble(decision)
        _say(_decision_line(decision))
        for missing in context.missing:
            _say(f"missing prompt: {printable(missing)}")
        if as_json:
            _print_json({"decision": decision.to_dict(), "context": context.to_dict()})
        elif not decision.abstained:
            _print_markdown(context.text)
        if decision.abstained:
            raise typer.Exit(ABSTAINED)


@app.command()
def why(
    task: Tasks,
    agent: AgentOption = None,
    top: TopOption = 5,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the candidates for a task and the words that decided."""
    with _errors():
        router = _load(library)
        decision = router.route(_task(task), agent=agent, top=top)
        if as_json:
            _print_json(decision.to_dict())
        else:
            from router.report import candidates_table

            _print_table(candidates_table(decision))
        if decision.abstained:
            raise typer.Exit(ABSTAINED)


@app.command()
def rules(
    agent: AgentOption = None, library: LibraryOption = None, as_json: JsonOption = False
) -> None:
    """List the rules of the library."""
    with _errors():
        router = _load(library)
        routes = [router.routes[number] for number in router.eligible(agent)]
        if as_json:
            _print_json(
                [
                    {
                        "route": route.id,
                        "agent": route.agent.id,
                        "rule": route.rule.title,
                        "when": route.rule.when,
                        "not_when": route.rule.not_when,
                        "examples": list(route.rule.examples),
                        "rationale": route.rule.rationale,
                        "bundle": [link.path or link.target for link in route.rule.use],
                        "source": f"{route.agent.path}:{route.rule.line}",
                    }
                    for route in routes
                ]
            )
        else:
            from router.report import rules_table

            _print_table(rules_table(routes, router.model.project))


@app.command("compile")
def compile_command(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Compile the library if it has changed, and say what is in it."""
    with _errors():
        started = time.perf_counter()
        heard: list[str] = []
        router = _load(library, heard)
        seconds = time.perf_counter() - started
        model = router.model
        warnings = [str(fault) for fault in model.warnings]
        for line in warnings:
            if line not in heard:
                _say(line)
        summary = {
            "project": model.project,
            "agents": len(model.agents),
            "rules": len(router.routes),
            "prompts": len(model.prompts),
            "encoder": model.encoder,
            "warnings": warnings,
            "seconds": round(seconds, 3),
        }
        if as_json:
            _print_json(summary)
        else:
            print(
                f"{model.project}: {len(model.agents)} agents, {len(router.routes)} rules,"
                f" {len(model.prompts)} prompts, {len(warnings)} warnings; {seconds:.1f} s"
            )


@app.command("eval")
def eval_command(
    file: Annotated[Path, typer.Argument(help="Sample tasks, one JSON object a line.")],
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Exit 1 below this.", show_default=False),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Route sample tasks and compare with the routes they should take."""
    from router.evaluation import evaluate, read_cases
    from router.report import misses_table, rates_table

    with _errors():
        router = _load(library)
        cases = read_cases(file, (route.id for route in router.routes))
        report = evaluate(router.route, cases)
        if as_json:
            _print_json(report.to_dict())
        else:
            if report.misses:
                _print_table(misses_table(report))
                print()
            _print_table(rates_table(report))
        accuracy = report.rates["accuracy"]
        if min_accuracy is not None and accuracy.value < min_accuracy:
            low, high = accuracy.interval
            _say(
                f"accuracy {accuracy.value:.3f} (95 %: {low:.3f}–{high:.3f})"
                f" is below {min_accuracy}"
            )
            raise typer.Exit(FAULT)


@contextmanager
def _errors() -> Iterator[None]:
    """Our own errors as lines on stderr and an exit code."""
    try:
        yield
    except UsageError as error:
        _say(str(error))
        raise typer.Exit(USAGE) from None
    except FilesError as error:
        for fault in error.faults:
            _say(str(fault))
        raise typer.Exit(FAULT) from None
    except RouterError as error:
        _say(str(error))
        raise typer.Exit(FAULT) from None
    except BrokenPipeError:
        # The reader has gone, as in `route … | head`; nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FAULT) from None


def _load(library: Path | None, heard: list[str] | None = None) -> Router:
    from router.router import Router
    from router.source import find_library

    def notify(message: str) -> None:
        if heard is not None:
            heard.append(message)
        _say(message)

    chosen = library or os.environ.get("ROUTE_LIBRARY") or find_library(Path.cwd())
    router = Router.load(chosen, notify=notify)
    for notice in router.notices:
        _say(notice)
    return router


def _task(arguments: list[str]) -> str:
    """The words of the command line; standard input where `-` stands, or behind them."""
    spoken = " ".join(argument for argument in arguments if argument != "-")
    if "-" in arguments or _has_input():
        # Undecodable bytes become surrogates, which the router refuses with a clear error.
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        piped = sys.stdin.read(1 << 20)
        return "\n\n".join(part for part in (spoken, piped.strip("\n")) if part)
    return spoken


def _has_input() -> bool:
    """Whether standard input was meant for this command.

    A pipe that stays silent may be one that a parent left open; a file that was partly read
    belongs to the loop that reads it.
    """
    try:
        mode = os.fstat(0).st_mode
        if stat.S_ISREG(mode):
            return os.lseek(0, 0, os.SEEK_CUR) == 0 and os.fstat(0).st_size > 0
        return stat.S_ISFIFO(mode) and bool(select.select([0], [], [], STDIN_SECONDS)[0])
    except (OSError, ValueError):
        return False


def _decision_line(decision: Any) -> str:
    from router.report import decision_line

    return decision_line(decision)


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _print_markdown(text: str) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.syntax import Syntax

    Console().print(Syntax(text, "markdown", word_wrap=True, background_color="default"))


def _print_table(table: Table) -> None:
    if not sys.stdout.isatty():
        print(table.plain())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(title=table.title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for column in table.columns:
        drawn.add_column(column, overflow="fold")
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)
