"""What an evaluation must reach: from the command line, and from `[eval]` of a `route.toml`.

[eval]
min = {accuracy = 0.9, coverage = 0.95}
max = {ece = 0.05}
fail-on = {worse = 0}
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from router.errors import Fault, LibraryError, UsageError
from router.evaluation import metrics
from router.evaluation.comparing import KINDS
from router.evaluation.measuring import Rate
from router.evaluation.metrics import Figure
from router.library.source import Folder, UnreadableError

FILE = "route.toml"
TABLES = frozenset({"eval", "check"})
"""Of that file; `check` is read by those who review libraries."""

KEYS = ("min", "max", "fail-on")
LATENCY = "_ms"

Side = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A bound of one figure."""

    side: Side
    name: str
    bound: float


@dataclass(frozen=True, slots=True)
class Gates:
    """All bounds; `fail_on` is how many changes of a kind are allowed against another version."""

    bounds: tuple[Gate, ...] = ()
    fail_on: tuple[tuple[str, int], ...] = ()

    def over(self, others: Gates) -> Gates:
        """These, and those of the `others` that these say nothing of."""
        said = {(gate.side, gate.name) for gate in self.bounds}
        more = (gate for gate in others.bounds if (gate.side, gate.name) not in said)
        return Gates((*self.bounds, *more), self.fail_on or others.fail_on)


@dataclass(frozen=True, slots=True)
class Failure:
    """A gate that was not passed; the message is for people."""

    name: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return {"gate": self.name, "message": self.message}


def parse_bounds(side: Side, said: Sequence[str]) -> tuple[Gate, ...]:
    """Bounds as the command line has them: `accuracy=0.9`.

    Raises `UsageError` for anything else.
    """
    found = []
    for text in said:
        name, _, number = text.partition("=")
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if math.isnan(bound):
            raise UsageError(f"--{side} {text}: write NAME=NUMBER, such as accuracy=0.9")
        found.append(Gate(side, name.strip(), bound))
    return tuple(found)


def parse_fail_on(said: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How many changes are allowed, as the command line has them: `worse:0`.

    Raises `UsageError` for anything else.
    """
    found = []
    for text in said:
        kind, _, number = text.partition(":")
        if kind not in KINDS or not number.isdecimal():
            raise UsageError(f"--fail-on {text}: write KIND:NUMBER, KIND one of {', '.join(KINDS)}")
        found.append((kind, int(number)))
    return tuple(found)


def read_gates(root: str) -> Gates:
    """The gates of the library at `root`: of its `route.toml`, if it has one.

    Raises `LibraryError` with every fault of that file.
    """
    try:
        data = Folder(root).read(FILE).data
    except UnreadableError as error:
        if str(error) == "no such file":
            return Gates()
        raise LibraryError((Fault(FILE, 1, str(error)),)) from None
    try:
        text = data.decode()
        said = tomllib.loads(text)
    except UnicodeDecodeError:
        raise LibraryError((Fault(FILE, 1, "not UTF-8; save the file as UTF-8"),)) from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        message = f"TOML: {error}"
        raise LibraryError((Fault(FILE, int(place[1]) if place else 1, message),)) from None
    faults: list[Fault] = []

    def fault(key: str, message: str) -> None:
        line = re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text)
        number = text.count("\n", 0, line.start()) + 1 if line else 1
        faults.append(Fault(FILE, number, message))

    def table(within: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = within.get(key, {})
        if isinstance(value, dict):
            return value
        fault(key, f"`{key}` is no table; write `{key} = {{accuracy = 0.9}}`")
        return {}

    for key in said.keys() - TABLES:
        fault(key, f"key `{key}` is unknown; there are {', '.join(sorted(TABLES))}")
    section = table(said, "eval")
    for key in section.keys() - set(KEYS):
        fault(key, f"key `{key}` is unknown; there are {', '.join(KEYS)}")
    bounds: list[Gate] = []
    sides: tuple[Side, Side] = ("min", "max")
    for side in sides:
        for name, bound in table(section, side).items():
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                fault(name, f"`{name}` is no number")
            else:
                bounds.append(Gate(side, name, float(bound)))
    fail_on: list[tuple[str, int]] = []
    for kind, number in table(section, "fail-on").items():
        if kind not in KINDS:
            fault(kind, f"`{kind}` is no kind of change; there are {', '.join(KINDS)}")
        elif isinstance(number, bool) or not isinstance(number, int) or number < 0:
            fault(kind, f"`{kind}` is no whole number of 0 or more")
        else:
            fail_on.append((kind, number))
    if faults:
        raise LibraryError(tuple(sorted(faults)))
    return Gates(tuple(bounds), tuple(fail_on))


def checked(gates: Gates) -> Gates:
    """The same gates; before a long run rather than after it.

    Raises `UsageError` for a bound of a figure that no evaluation has.
    """
    if gates.bounds:
        _check_names(gates, (*metrics.names(), *(name + LATENCY for name in metrics.LATENCIES)))
    return gates


def _check_names(gates: Gates, names: Collection[str]) -> None:
    for gate in gates.bounds:
        if gate.name not in names:
            near = difflib.get_close_matches(gate.name, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
            raise UsageError(f"--{gate.side} {gate.name}: no such figure; {hint}")


def failures(
    gates: Gates,
    figures: Mapping[str, Rate | Figure],
    latency: Mapping[str, float],
    changed: Mapping[str, int] | None = None,
) -> tuple[Failure, ...]:
    """The gates that these figures, and these counts of changes, do not pass.

    A figure without any case passes none.
    """
    found = []
    times = {name + LATENCY: value for name, value in latency.items()}
    # Of a router that is not timed there are no times.
    _check_names(gates, (*figures, *times))
    for gate in gates.bounds:
        figure = figures.get(gate.name)
        value = figure.value if figure else times[gate.name]
        passed = value >= gate.bound if gate.side == "min" else value <= gate.bound
        if passed:
            continue
        how = "below" if gate.side == "min" else "above"
        if math.isnan(value):
            message = f"{gate.name}: there is no case to judge it by, and {gate.bound:g} is asked"
        elif figure:
            low, high = figure.interval
            interval = f"95 %: {low:.3f}–{high:.3f}"
            message = f"{gate.name} {value:.3f} ({interval}) is {how} {gate.bound:g}"
        else:
            message = f"{gate.name} {value:.3f} is {how} {gate.bound:g}"
        found.append(Failure(gate.name, message))
    for kind, allowed in gates.fail_on:
        if changed is not None and changed[kind] > allowed:
            tasks = "1 task is" if changed[kind] == 1 else f"{changed[kind]} tasks are"
            message = f"{tasks} {kind}; at most {allowed} may be"
            found.append(Failure(kind, message))
    return tuple(found)
