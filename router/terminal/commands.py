"""The commands and their options, as typer declares them; `cli` does the work."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from router import __version__
from router.context.formats import FORMATS
from router.evaluation.overlap import ALIKE
from router.terminal import cli


class _TaskByDefault(TyperGroup):
    """`route --json "some task"` is `route task --json "some task"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = ("--help", "--version", "--install-completion", "--show-completion")
        if args and args[0] not in self.commands and args[0] not in own:
            args = ["task", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="route", cls=_TaskByDefault, no_args_is_help=True, pretty_exceptions_enable=False
)

Task = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK...", help="The task; `-` stands for standard input.", show_default=False
    ),
]
OWN = "The library; else ROUTE_LIBRARY, else the nearest folder upwards with agents/"
LibraryFolders = Annotated[
    list[str] | None,
    typer.Option(
        "--library",
        metavar="[NAME=]DIR",
        help=f"{OWN}, else the one shipped with this program. Several are one, its agents called"
        " NAME:AGENT.",
        show_default=False,
    ),
]
LibraryFolder = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help=f"{OWN}, else the one shipped with this program.",
        show_default=False,
    ),
]
OwnLibraryFolder = Annotated[
    Path | None,
    typer.Option("--library", metavar="DIR", help=f"{OWN}.", show_default=False),
]
AgentName = Annotated[
    str | None, typer.Option("--agent", help="Only the rules of this agent.", show_default=False)
]
Top = Annotated[int, typer.Option(min=1, help="How many candidates to show.")]
ContextFormat = Annotated[
    str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(FORMATS)}.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whenuse {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Match a task to the right agent and prompts, and assemble the context for a model.

    Exit status: 0 routed, 3 abstained, 1 a fault in your files or task, 2 wrong usage.
    """


@app.command()
def task(
    words: Task,
    agent: AgentName = None,
    top: Top = 5,
    library: LibraryFolders = None,
    as_json: Json = False,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="At most so many tokens, estimated.", show_default=False
        ),
    ] = None,
    format: ContextFormat = "markdown",
) -> None:
    """Route a task and print its context (the default: `route "fix the login"`)."""
    options = {"agent": agent, "top": top, "library": library, "as_json": as_json}
    _finish(cli.answer, words, **options, budget=budget, format=format)


@app.command()
def show(
    route: Annotated[str, typer.Argument(metavar="AGENT/RULE", help="The rule.")],
    diff: Annotated[
        str | None,
        typer.Option(metavar="AGENT/RULE", help="Show how this one differs.", show_default=False),
    ] = None,
    library: LibraryFolders = None,
    as_json: Json = False,
    format: ContextFormat = "markdown",
) -> None:
    """Print the context of a rule, without a task."""
    _finish(cli.show, route, diff=diff, library=library, as_json=as_json, format=format)


@app.command()
def why(
    words: Task,
    agent: AgentName = None,
    top: Top = 5,
    library: LibraryFolders = None,
    as_json: Json = False,
    flip: Annotated[
        bool, typer.Option("--flip", help="Search an edit of a rule that changes the decision.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="AGENT/RULE", help="The rule that should win.", show_default=False
        ),
    ] = None,
) -> None:
    """Show what spoke for and against the best candidates.

    + is what a word adds beyond the average route, − what it holds back; in brackets where it is.
    """
    options = {"agent": agent, "top": top, "library": library, "as_json": as_json}
    _finish(cli.why, words, **options, flip=flip, to=to)


@app.command()
def rules(
    agent: AgentName = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Show what a match gives a model to read, estimated.")
    ] = False,
    library: LibraryFolders = None,
    as_json: Json = False,
) -> None:
    """List the rules of the library."""
    _finish(cli.rules, agent=agent, tokens=tokens, library=library, as_json=as_json)


class Format(StrEnum):
    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


@app.command()
def check(
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended without a thought.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings, too.")] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Do not compile: leave out how rules compete.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", help="What to print; github: annotations.")
    ] = Format.text,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="CODE",
            help="Print the page of a code, such as R006; `all` for all.",
            show_default=False,
        ),
    ] = None,
    library: LibraryFolder = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong with the library, and what could be better.

    Findings have a code; `[check]` in route.toml sets limits, and silences a code for a reason.
    """
    if explain:
        _finish(cli.explain_check, explain)
    chosen = "json" if as_json else format.value
    options = {"fix": fix, "strict": strict, "fast": fast, "library": library}
    _finish(cli.check, **options, output=chosen)


@app.command()
def overlap(
    alike: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="From this likeness on, 0 to 1.")
    ] = ALIKE,
    library: LibraryFolders = None,
    as_json: Json = False,
) -> None:
    """List rules that are in each other's way, and the words that would separate them.

    A rule's own When and Examples are asked as tasks; a line that another rule wins is stolen.
    """
    _finish(cli.overlap, alike=alike, library=library, as_json=as_json)


@app.command("compile")
def compile_library(library: LibraryFolders = None, as_json: Json = False) -> None:
    """Compile the library if it has changed, and say what is in it."""
    _finish(cli.compile_library, library=library, as_json=as_json)


@app.command("eval")
def evaluate(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Sample tasks (.jsonl, .csv, .yaml, .md); else those that it has learned.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, help="Learned tasks are held out in so many parts.")
    ] = 5,
    repeats: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So often, in other folds; else 3, from 50 tasks on 2, from 200 on 1.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one draws other folds.")] = 0,
    least: Annotated[
        list[str] | None,
        typer.Option("--min", metavar="NAME=X", help="Exit 1 below this.", show_default=False),
    ] = None,
    most: Annotated[
        list[str] | None,
        typer.Option("--max", metavar="NAME=X", help="Exit 1 above this.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="REV|DIR|JSON",
            help="List what is decided otherwise than by a git revision of the library, another"
            " library, or in an earlier --json.",
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            metavar="KIND:N",
            help="Exit 1 where more tasks are worse (or better, sideways).",
            show_default=False,
        ),
    ] = None,
    router: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:OBJECT",
            help="Judge this function from a task to its labels instead.",
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JUnit XML, a test a case.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a page with charts and every case; it needs no network.",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG", help="Only tasks with this tag, or these.", show_default=False
        ),
    ] = None,
    library: LibraryFolders = None,
    as_json: Json = False,
) -> None:
    """Route sample tasks and compare with the routes they should take.

    Where the library has learned tasks, also as if it had not; they are cross-validated. What
    --min and --max take can stand in the library's route.toml, under [eval].
    """
    _finish(
        cli.evaluate, file, folds=folds, repeats=repeats, seed=seed, least=least or (),
        most=most or (), against=against, fail_on=fail_on or (), router=router, junit=junit,
        html=html, tags=tags or (), library=library, as_json=as_json,
    )  # fmt: skip


cases_app = typer.Typer(help="Write sample tasks for `route eval`.", no_args_is_help=True)
app.add_typer(cases_app, name="cases")


@cases_app.callback()
def cases() -> None:
    """Write sample tasks for `route eval`."""


@cases_app.command("new")
def new_cases(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A new file (.jsonl, .csv, .yaml, .md); else standard output.", show_default=False
        ),
    ] = None,
    agent: AgentName = None,
    library: LibraryFolders = None,
) -> None:
    """Draft sample tasks for every rule from its When and its Examples.

    A draft does not count until a person has put it into other words and deleted `draft`.
    """
    _finish(cli.new_cases, file, agent=agent, library=library)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; made if it is not there.")
    ],
) -> None:
    """Begin a library: two agents, their prompts, settings and sample tasks, with comments."""
    _finish(cli.init, folder)


class Kind(StrEnum):
    agent = "agent"
    prompt = "prompt"


@app.command()
def new(
    kind: Annotated[Kind, typer.Argument(help="What to add.", show_default=False)],
    words: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Its title or its name.", show_default=False),
    ],
    library: OwnLibraryFolder = None,
) -> None:
    """Add a file of the right form: an agent, with the prompt of its first rule, or a prompt."""
    _finish(cli.new, kind.value, words, library=library)


class Target(StrEnum):
    claude_skills = "claude-skills"
    copilot = "copilot"
    agents_md = "agents-md"


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; made if it is not there.")
    ],
    to: Annotated[Target, typer.Option("--to", help="The format.", show_default=False)],
    library: LibraryFolders = None,
) -> None:
    """Write the library in another format, for hosts that choose in context.

    What the format cannot hold is said. A file that is there is never replaced.
    """
    _finish(cli.export, to.value, folder, library=library)


@app.command()
def learn(
    words: Task,
    route: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="AGENT/RULE", help="The rule that it belongs to.", show_default=False
        ),
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="No rule fits it.")] = False,
    library: OwnLibraryFolder = None,
    as_json: Json = False,
) -> None:
    """Teach the library which rule a task belongs to."""
    _finish(cli.learn, words, route=route, none=none, library=library, as_json=as_json)


@app.command()
def tune(
    file: Annotated[Path, typer.Argument(help="Sample tasks (.jsonl, .csv, .yaml, .md).")],
    precision: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Of the routed tasks, so many are right.", show_default=False
        ),
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Of those that a rule fits, so many are routed.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    library: OwnLibraryFolder = None,
    as_json: Json = False,
) -> None:
    """Fit threshold and confidence to sample tasks and write them into project.yaml."""
    _finish(
        cli.tune, file, precision=precision, coverage=coverage, dry_run=dry_run, library=library,
        as_json=as_json,
    )  # fmt: skip


def _finish(command: Any, *arguments: Any, **options: Any) -> None:
    raise typer.Exit(cli.guarded(command, *arguments, **options))
