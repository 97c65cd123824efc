"""What a router answered, in a form that any router's answer can take.

Ours answers with a `Decision`; somebody else's with a label, or labels that it has ranked.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from router.decision.deciding import Decision
from router.errors import RouterError, UsageError

RANKED = 10
"""Labels kept of a ranking: what is judged looks no further, and ten thousand cases fit in
memory."""

Labels = str | Sequence[str | tuple[str, float]] | None
"""Labels from the best to the worst, each alone or with its confidence; none for an abstention."""


class Router(Protocol):
    """Anything that answers a task: this package's router, or a function of one's own."""

    def __call__(self, task: str, /) -> Decision | Answer | Labels: ...


class AnswerError(RouterError):
    """A router of somebody else's failed, or answered what is no answer."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A label and what the router says of it; None where it says nothing."""

    route: str
    confidence: float | None = None
    score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"route": self.route, "confidence": self.confidence, "score": self.score}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a router made of a task.

    `taken` are the labels that it takes, `ranked` the best `RANKED`, of which `words` are those
    that decided for the first. `fit` is how sure it is that anything fits, `rival` the score of
    the best other label, `bundle` the prompts of what was taken; None where the router does not
    say.
    """

    taken: tuple[str, ...]
    ranked: tuple[Ranked, ...] = ()
    outcome: str = "routed"
    reason: str = ""
    fit: float | None = None
    rival: float | None = None
    words: tuple[str, ...] = ()
    bundle: tuple[str, ...] | None = None

    @property
    def confidence(self) -> float | None:
        """Of the first label."""
        return self.ranked[0].confidence if self.ranked else None

    @property
    def known(self) -> bool:
        """Whether the router knows any word of the task."""
        return self.outcome != "no-evidence"

    def to_dict(self) -> dict[str, Any]:
        return {
            "taken": list(self.taken),
            "outcome": self.outcome,
            "reason": self.reason,
            "fit": self.fit,
            "words": list(self.words),
            "bundle": None if self.bundle is None else list(self.bundle),
            "candidates": [ranked.to_dict() for ranked in self.ranked],
        }

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> Answer:
        """What `to_dict` gave; raises `KeyError` or `TypeError` for anything else."""
        return cls(
            taken=tuple(said["taken"]),
            ranked=tuple(Ranked(**ranked) for ranked in said["candidates"]),
            outcome=said["outcome"],
            reason=said["reason"],
            fit=said["fit"],
            words=tuple(said["words"]),
            bundle=None if said["bundle"] is None else tuple(said["bundle"]),
        )


def answer_of(said: Decision | Answer | Labels) -> Answer:
    """A router's answer in the common form, without the words that decided (see `words_of`).

    >>> answer_of(["tester/unit-testing", "tester/load-testing"]).taken
    ('tester/unit-testing',)
    >>> answer_of(None).outcome
    'abstained'

    Raises `AnswerError` for what is no answer.
    """
    if isinstance(said, Answer):
        return said
    if isinstance(said, Decision):
        return _decided(said)
    listed = [] if said is None else [said] if isinstance(said, str) else said
    try:
        ranked = tuple(map(_ranked, listed[:RANKED]))
    except (TypeError, ValueError):
        raise AnswerError(
            f"the router answered {said!r:.80}; it must be a label, a list of labels or of"
            " (label, confidence), or None"
        ) from None
    taken = tuple(label.route for label in ranked[:1])
    best = ranked[0].confidence if ranked else 0.0
    return Answer(taken, ranked, "routed" if taken else "abstained", fit=best)


def words_of(said: Decision | Answer | Labels) -> tuple[str, ...]:
    """The words that decided for the first label: they take as long to find as a route does."""
    if isinstance(said, Answer):
        return said.words
    if isinstance(said, Decision) and said.candidates:
        return tuple(found.word for found in said.candidates[0].evidence)
    return ()


def foreign(name: str, function: Callable[[str], Labels]) -> Router:
    """A router of somebody else's; that it failed is said with its `name` and the task."""

    def ask(task: str, /) -> Answer:
        try:
            return answer_of(function(task))
        except AnswerError:
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise AnswerError(f"{name} failed on {task!r:.80}: {cause}") from error

    return ask


def named(place: str) -> Router:
    """The router at `module:object`: a function from a task to labels, or an object with such a
    method `route`. The current folder is searched first.

    Raises `UsageError` where there is none.
    """
    module, _, attribute = place.partition(":")
    if not (module and attribute):
        raise UsageError(f"--router {place}: write module:object")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--router {place}: {error}; write module:object") from None
    except Exception as error:
        raise UsageError(f"--router {place}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)
    function = getattr(found, "route", found)
    if not callable(function):
        raise UsageError(f"--router {place}: is no function; write one from a task to its labels")
    return foreign(place, function)


def _ranked(said: str | tuple[str, float]) -> Ranked:
    if isinstance(said, str):
        return Ranked(said)
    label, confidence = said
    if not isinstance(label, str):
        raise TypeError
    return Ranked(label, float(confidence), float(confidence))


def _decided(decision: Decision) -> Answer:
    candidates = decision.candidates
    return Answer(
        taken=tuple(match.route for match in decision.matches),
        ranked=tuple(Ranked(c.route, c.confidence, c.score) for c in candidates[:RANKED]),
        outcome=decision.outcome,
        reason=decision.reason,
        fit=decision.fit,
        rival=candidates[0].rival if candidates else None,
        bundle=tuple(link.path or link.target for link in decision.bundle),
    )
