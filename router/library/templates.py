"""Rendering an agent's body: a bounded subset of Jinja2, with the source line of every line.

Jinja's sandbox stops code from running, not from running out of memory: `'a' * 10**9` is folded
at compile time, even in a branch that is never taken. A template is therefore parsed, held to an
allow-list of what real agent files use, and only then compiled; loops, sizes and time are counted.
The caller runs this in a process of its own with limits, for what counting cannot see.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

MAX_NODES = 20_000
MAX_DEPTH = 60
MAX_ITERATIONS = 100_000
MAX_OUTPUT_CHARS = 1 << 20
MAX_MARKED_CHARS = 8 << 20
"""Of output with the marks that say where its lines came from."""

MAX_SECONDS = 5.0

FILTERS = frozenset(
    "capitalize count d default first join last length list lower replace reverse sort string"
    " title trim unique upper".split()
)
METHODS = frozenset(
    "capitalize cycle endswith get items join keys lower lstrip replace rstrip split startswith"
    " strip title upper values".split()
)
TESTS = frozenset(
    "boolean defined divisibleby eq equalto even false in iterable lower mapping ne none number"
    " odd sequence string true undefined upper".split()
)
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.CondExpr,
    nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Filter, nodes.Test, nodes.Call, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg,
    nodes.Pos, nodes.Keyword,
    nodes.Scope,  # without a line: what it holds is refused, and has one
)  # fmt: skip

# A NUL cannot occur in a source file (the reader refuses it), so it can mark source lines.
_MARK = "\0"


class TemplateError(Exception):
    """A template that is refused or fails; `line` counts from 1 within the template.

    `undefined` says that it prints a variable that nobody defines.
    """

    def __init__(self, line: int, message: str, *, undefined: bool = False) -> None:
        self.line = line
        self.undefined = undefined
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rendered text; `lines[i]` is the template's line that produced the text's line `i`."""

    text: str
    lines: tuple[int, ...]


class _Undefined(jinja2.Undefined):
    """May be tested and looped over (the reference agent does both), never printed."""

    __slots__ = ()

    def __str__(self) -> str:
        self._fail_with_undefined_error()


def render(template: str, variables: Mapping[str, Any]) -> Rendered:
    """Render `template` as stock Jinja2 would, or say why not.

    Raises `TemplateError` for a syntax error, a construct outside of the subset, an undefined
    variable that is printed, and a template that grows or runs too long.

    >>> render("Hi {{ name|title }}", {"name": "ann"}).text
    'Hi Ann'
    """
    budget = _Budget()
    environment = _Environment(budget)
    try:
        tree = environment.parse(template)
        _check(tree, depth=0, budget=budget)
        _mark_lines(tree)
        _count_loops(tree, environment)
        compiled = environment.from_string(tree)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(error.lineno, f"template: {error.message}") from None
    except RecursionError:
        raise TemplateError(1, "template: nested too deep; simplify it") from None
    except (SyntaxError, ValueError) as error:
        # Python's own limits, met by the code that Jinja generates: nested blocks, long numbers.
        raise TemplateError(1, f"template: {getattr(error, 'msg', error)}; simplify it") from None
    pieces: list[str] = []
    try:
        pieces.extend(map(budget.output, compiled.generate(dict(variables))))
    except TemplateError as error:
        raise TemplateError(error.line or _line_of(error), str(error)) from None
    except jinja2.UndefinedError as error:
        message = f"template: {error.message}; define it in project.yaml, or test it first"
        raise TemplateError(_line_of(error), message, undefined=True) from None
    except RecursionError:
        raise TemplateError(1, "template: nested too deep; simplify it") from None
    except MemoryError:
        raise TemplateError(1, "template: needs too much memory; simplify it") from None
    except Exception as error:
        # Jinja lets whatever an expression raises through: TypeError, ValueError, KeyError …
        raise TemplateError(_line_of(error), f"template: {error}") from None
    rendered = _unmark("".join(pieces))
    if len(rendered.text) > MAX_OUTPUT_CHARS:
        raise TemplateError(1, f"template: more than {MAX_OUTPUT_CHARS} characters come out")
    return rendered


class _Budget:
    """Counts what one rendering spends, and stops it."""

    def __init__(self) -> None:
        self.nodes = MAX_NODES
        self.iterations = MAX_ITERATIONS
        self.chars = MAX_MARKED_CHARS
        self.deadline = time.monotonic() + MAX_SECONDS

    def node(self, line: int) -> None:
        self.nodes -= 1
        if self.nodes < 0:
            raise TemplateError(line, f"template: more than {MAX_NODES} nodes; split the file")

    def output(self, piece: str) -> str:
        self.chars -= len(piece)
        if self.chars < 0:
            raise TemplateError(0, f"template: more than {MAX_OUTPUT_CHARS} characters come out")
        return piece

    def loop(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.iterations -= 1
            if self.iterations < 0 or time.monotonic() > self.deadline:
                raise TemplateError(0, "template: its loops run too long; loop over less")
            yield item

    def size(self, chars: int) -> None:
        if chars > MAX_OUTPUT_CHARS:
            raise TemplateError(0, f"template: a text of {chars} characters; make it shorter")


class _Environment(SandboxedEnvironment):
    """Stock Jinja2, less what is not on the lists, with every text's size checked beforehand."""

    def __init__(self, budget: _Budget) -> None:
        # Not optimized: folding constants would run filters before anything is counted.
        super().__init__(undefined=_Undefined, optimized=False, finalize=_printable)
        self.filters = {name: _bounded(name, self.filters[name], budget) for name in FILTERS}
        self.filters[_COUNTED] = budget.loop
        self.tests = {name: self.tests[name] for name in TESTS}
        self.globals = {}
        self._budget = budget

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            if obj.__name__ == "join" and args:
                args = (_joinable(args[0], owner, self._budget),)
            elif obj.__name__ == "replace" and len(args) > 1:
                _check_replace(owner, args, self._budget)
        return super().call(context, obj, *args, **kwargs)


def _printable(value: Any) -> Any:
    """Refuse to print what has no text of its own, such as a method or a generator."""
    if isinstance(value, list | tuple):
        return value if all(_printable(item) is item for item in value) else None
    if isinstance(value, dict):
        return value if all(_printable(item) is item for item in value.values()) else None
    if isinstance(value, str | int | float | date | jinja2.Undefined | None):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be printed; print its text")


_COUNTED = "counted by the budget"


def _bounded(name: str, stock: Callable[..., Any], budget: _Budget) -> Callable[..., Any]:
    """The stock filter `name`, refusing before it runs to build a text that is too large."""
    if name not in ("join", "replace"):
        return stock

    @jinja2.pass_eval_context
    def bounded(context: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "replace" and len(args) > 1:
            _check_replace(str(value), args, budget)
        elif name == "join" and "attribute" not in kwargs and len(args) < 2:
            value = _joinable(value, str(args[0] if args else kwargs.get("d", "")), budget)
        return stock(context, value, *args, **kwargs)

    return bounded


def _joinable(items: Iterable[Any], separator: str, budget: _Budget) -> list[Any]:
    if isinstance(items, jinja2.Undefined):
        str(items)  # raises: joining is printing
    listed = list(items)
    budget.size(len(separator) * len(listed) + sum(len(i) for i in listed if isinstance(i, str)))
    return listed


def _check_replace(text: str, args: tuple[Any, ...], budget: _Budget) -> None:
    old, new = str(args[0]), str(args[1])
    budget.size(len(text) + (text.count(old) if old else len(text) + 1) * len(new))


def _check(node: nodes.Node, depth: int, budget: _Budget) -> None:
    """Refuse what is not on the lists, wherever it stands: also in a branch never taken."""
    budget.node(node.lineno or 1)
    if depth > MAX_DEPTH:
        raise TemplateError(node.lineno, f"template: nested deeper than {MAX_DEPTH} levels")
    if not isinstance(node, _ALLOWED_NODES):
        name = type(node).__name__.lower()
        raise TemplateError(node.lineno, f"template: `{name}` is not allowed here; {_SUBSET}")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        message = f"template: no filter `{node.name}`; there are {', '.join(sorted(FILTERS))}"
        raise TemplateError(node.lineno, message)
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        message = f"template: no test `{node.name}`; there are {', '.join(sorted(TESTS))}"
        raise TemplateError(node.lineno, message)
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and not _is_text(node.value):
        raise TemplateError(node.lineno, "template: has an escape that is no character")
    if isinstance(node, nodes.For):
        # Lists of lists of variables grow exponentially, loop by loop.
        literals = [node.iter, *node.iter.find_all(_LITERALS)]
        if any(isinstance(it, _LITERALS) and any(it.find_all(nodes.Name)) for it in literals):
            message = "template: a loop over a list of variables is not allowed here"
            raise TemplateError(node.lineno, message)
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateError(node.lineno, "template: a recursive loop is not allowed here")
    if isinstance(node, nodes.Call) and not (
        isinstance(node.node, nodes.Getattr) and node.node.attr in METHODS
    ):
        message = f"template: only these can be called: {', '.join(sorted(METHODS))}"
        raise TemplateError(node.lineno, message)
    for child in node.iter_child_nodes():
        _check(child, depth + 1, budget)


_LITERALS = (nodes.List, nodes.Tuple, nodes.Dict)


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


_SUBSET = "a body may use for, if, elif, else, filters and plain expressions"


def _mark_lines(tree: nodes.Template) -> None:
    """Put each literal line's number before it, to be read off after rendering."""
    for data in tree.find_all(nodes.TemplateData):
        lines = data.data.split("\n")
        data.data = "\n".join(
            f"{_MARK}{data.lineno + i}{_MARK}{line}" for i, line in enumerate(lines)
        )


def _count_loops(tree: nodes.Template, environment: jinja2.Environment) -> None:
    for loop in tree.find_all(nodes.For):
        counted = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
        loop.iter = counted.set_environment(environment)


def _unmark(marked: str) -> Rendered:
    lines: list[int] = []
    texts: list[str] = []
    current = 1
    for marked_line in marked.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        parts = _LINE_MARK.split(marked_line)
        numbers = [int(number) for number in parts[1::2]]
        # The line belongs to its first literal text; one made of values alone to what came before.
        lines.append(numbers[0] if numbers else current)
        current = numbers[-1] if numbers else current
        texts.append("".join(parts[0::2]).replace(_MARK, ""))
    return Rendered("\n".join(texts), tuple(lines))


_LINE_MARK = re.compile(f"{_MARK}(\\d+){_MARK}")


def _line_of(error: BaseException) -> int:
    """The template's line in the traceback that Jinja rewrote, else 1."""
    line = 1
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
