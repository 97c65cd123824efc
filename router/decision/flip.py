"""What would change a decision: the margin that is missing, and an edit of a rule that makes it up.

An edit is words of the task added to the When of a rule. Which words are worth trying is estimated
from the weights; whether they do it is found by compiling the library with them, here and now,
from what the model holds: nothing is read or rendered again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from router.decision.deciding import Decision, decide
from router.errors import UsageError
from router.library.records import Agent, Route, Rule
from router.library.tasks import no_route
from router.model import artifact
from router.model.calibration import Calibration, confidences
from router.model.scores import CHANNEL_WEIGHTS, Model, Scorer, Word
from router.model.text import STOP_WORDS, term, terms

if TYPE_CHECKING:
    from router.library.folder import Library
    from router.model.sentences import Encoder

MAX_COMPILES = 6
MAX_SINGLE_WORDS = 4
"""Of the compiles; the rest is for pairs of words."""

MAX_WORDS = 20
"""Of the task, the most promising, that pairs are made of."""

RIVALS = 3
"""Candidates behind the first that an edit is sought for where none is named."""

HOPELESS = 0.5
"""A word that is estimated to do less than this part of what is missing is not tried."""

BISECTIONS = 40

MAX_SCORE = 1e6

_WHEN = re.compile(r"\*\*\s*when\s*(?::\s*\*\*|\*\*\s*:)", re.IGNORECASE)

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Margin:
    """What a route lacks to be taken, all else being equal.

    `score` is the smallest addition to its score with which it is; `confidence` is how much its
    confidence rises with that. Both are 0 for the route that is taken.
    """

    route: str
    score: float
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "route": self.route,
            "score": round(self.score, 4),
            "confidence": round(self.confidence, 4),
        }


@dataclass(frozen=True, slots=True)
class Edit:
    """Words added to a rule's When, and the confidence it then wins with.

    `field` is "description" where that serves as the rule's When.
    """

    words: str
    target: Route
    line: int
    confidence: float

    @property
    def field(self) -> Literal["When", "description"]:
        own = self.target
        return "description" if _described(own.agent, own.rule) else "When"

    @property
    def source(self) -> str:
        """Where to write it, `path:line`."""
        return f"{self.target.agent.path}:{self.line}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "add": self.words,
            "field": self.field,
            "route": self.target.id,
            "source": self.source,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Flip:
    """The smallest change found that makes another route win, or an abstention an answer.

    `margin` is that of the edit's route, or of the route that is nearest to it; None where there
    is no other. `edit` is None where none of those in `tried` does it.
    """

    margin: Margin | None
    edit: Edit | None
    tried: tuple[tuple[str, str], ...]
    """Words and the route whose When they were added to."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "margin": self.margin and self.margin.to_dict(),
            "edit": self.edit and self.edit.to_dict(),
            "tried": [{"add": words, "route": route} for words, route in self.tried],
        }


def margin(decision: Decision, calibration: Calibration, to: str | None = None) -> Margin | None:
    """What the route `to`, else the one that is nearest to winning, lacks to be taken.

    Nearest is the best after an abstention and the runner-up otherwise; None where there is no
    other route.

    Raises `UsageError` when there is no route `to` or the decision was not made among it.
    """
    place = _target(decision, to)
    return None if place is None else _margin(decision, calibration, place)


def search(
    decision: Decision,
    calibration: Calibration,
    to: str | None,
    notify: Notify,
    sentences: Encoder | None = None,
) -> Flip:
    """An edit that makes the route `to` win; else any of the next best, or after an abstention
    the best.

    Single words of the task come before pairs, what promises most first. Each trial is a compile
    of the whole library, at most `MAX_COMPILES`; `notify` gets a line for each. `sentences` is the
    encoder of sentences that the decision was made with.

    Raises `UsageError` as `margin` does.
    """
    place = _target(decision, to)
    if place is None:
        return Flip(None, None, ())
    nearest = _margin(decision, calibration, place)
    if not nearest.score or (to is None and decision.outcome == "no-evidence"):
        # Without a known word no route is better than another: somebody has to name one.
        return Flip(nearest, None, ())
    model = _model(decision)
    places = [place] if to or decision.abstained else _ranked(decision)[1 : 1 + RIVALS]
    if sentences is not None:
        from router.model.sentences import Remembering  # late: numpy

        # The trials have all texts but one in common.
        sentences = Remembering(sentences)
    scorer = Scorer(model, encoder=sentences)
    goals = [_goal(decision, scorer, p, _margin(decision, calibration, p)) for p in places]
    trial = _Trial(decision, model, calibration, notify, sentences)
    for goal, said in _attempts(goals, trial):
        found = trial.of(goal, said)
        if found is not None:
            target = model.routes[goal.place]
            edit = Edit(" ".join(said), target, _line(target.agent, target.rule), found)
            return Flip(goal.margin, edit, tuple(trial.done))
    return Flip(nearest, None, tuple(trial.done))


@dataclass(frozen=True, slots=True)
class _Goal:
    """A route that should win, and what each new word in its When promises."""

    place: int
    margin: Margin
    promises: dict[str, float]

    def promise(self, said: Sequence[str]) -> float:
        """What adding words promises, as a share of what is missing."""
        return sum(self.promises[word] for word in said) / self.margin.score


class _Trial:
    """Compiles a library with an edit, and remembers how estimates compared with that."""

    def __init__(
        self,
        decision: Decision,
        model: Model,
        calibration: Calibration,
        notify: Notify,
        sentences: Encoder | None,
    ) -> None:
        self.done: list[tuple[str, str]] = []
        self._decision = decision
        self._model = model
        self._calibration = calibration
        self._notify = notify
        self._encoder: Any = None
        self._sentences = sentences
        self._yield: dict[int, float] = {}

    def hopeless(self, goal: _Goal, said: Sequence[str]) -> bool:
        """Whether earlier trials for the same route say that these words will not do."""
        known = self._yield.get(goal.place)
        return known is not None and known * goal.promise(said) < HOPELESS

    def of(self, goal: _Goal, said: Sequence[str]) -> float | None:
        """The confidence with which the goal wins once the words are in its When, None if not."""
        from router.compiler.compiling import compile_library  # late: scikit-learn

        target = self._model.routes[goal.place]
        added = " ".join(said)
        self._notify(f'trying "{added}" in {target.id} …')
        self.done.append((added, target.id))
        library = edited(self._model, target, added)
        payload = compile_library(library, self._model.made_from, self._vectors(), self._sentences)
        model = artifact.loads(payload)
        task, eligible = self._decision.task, self._decision.eligible
        scores = Scorer(model, encoder=self._sentences).score(task)
        decision = decide(
            task, model.routes, scores, eligible, self._calibration, model.scale, 1, model=model
        )
        left = _margin(decision, self._calibration, goal.place).score
        self._yield[goal.place] = (1.0 - left / goal.margin.score) / goal.promise(said)
        best = decision.candidates[0]
        return best.confidence if best.place == goal.place and not decision.abstained else None

    def _vectors(self) -> Any:
        from router.compiler.encoder import load_encoder

        if self._model.encoder and self._encoder is None:
            self._encoder = load_encoder()
        return self._encoder


def _attempts(goals: Sequence[_Goal], trial: _Trial) -> Iterator[tuple[_Goal, tuple[str, ...]]]:
    """Words to try, the most promising first, as long as compiles are left."""
    for size, compiles in ((1, MAX_SINGLE_WORDS), (2, MAX_COMPILES)):
        sized = [(goal, said) for goal in goals for said in combinations(goal.promises, size)]
        sized.sort(key=lambda attempt: -attempt[0].promise(attempt[1]))
        for goal, said in sized:
            if len(trial.done) >= compiles:
                break
            if not trial.hopeless(goal, said):
                yield goal, said


def _goal(decision: Decision, scorer: Scorer, place: int, missing: Margin) -> _Goal:
    """What each word of the task that is not in a route's When promises to add to its score.

    A feature counts its square in the task's vector times that in the When's, and both are divided
    by their lengths; what the other fields have is the same for all words and left out, and so is
    what the word adds to the meaning of the whole sentence: the trial compile counts that.
    """
    scores = decision.candidates[0].scores
    when = _model(decision).routes[place].rule.when
    there = set(terms(when))
    lengths = scorer.score(when).scales

    def promise(word: Word) -> float:
        parts = zip(scores.scales, word.squares, lengths, CHANNEL_WEIGHTS, strict=False)
        return sum(own * square * other / weight for own, square, other, weight in parts)

    promises = {
        word.text: promise(word)
        for word in scores.words
        if _is_word(word.text) and term(word.text) not in there
    }
    best = sorted(promises, key=lambda word: -promises[word])[:MAX_WORDS]
    # In the order of the task, so that neighbours stay neighbours.
    return _Goal(place, missing, {word: promises[word] for word in promises if word in best})


def _is_word(said: str) -> bool:
    """Whether somebody would write it into a When: no pair, no stop word, no bare number."""
    return " " not in said and said not in STOP_WORDS and not said.isnumeric()


def _target(decision: Decision, to: str | None) -> int | None:
    ranked = _ranked(decision)
    if to is None:
        return next(iter(ranked[0 if decision.abstained else 1 :]), None)
    routes = _model(decision).routes
    found = {routes[number].id: number for number in decision.eligible}
    if to not in found:
        raise UsageError(f"route: {no_route(to, found)}")
    return found[to]


def _margin(decision: Decision, calibration: Calibration, place: int) -> Margin:
    model = _model(decision)
    totals = decision.candidates[0].scores.totals
    at = list(decision.eligible).index(place)
    before, after = _split([totals[number] for number in decision.eligible], at)
    none = totals[len(model.routes) :]  # a rival as well, though no route to be ranked behind

    def raised(by: float) -> tuple[bool, float]:
        own = totals[place] + by
        sure = confidences(calibration, [*before, own, *after, *none], model.scale)[at]
        first = all(s < own for s in before) and all(s <= own for s in after)
        return first and sure >= decision.threshold, sure

    name = model.routes[place].id
    taken, now = raised(0.0)
    if taken:
        return Margin(name, 0.0, 0.0)
    low, high = 0.0, 1.0
    while not raised(high)[0] and high < MAX_SCORE:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if raised(middle)[0] else (middle, high)
    return Margin(name, high, max(0.0, raised(high)[1] - now))


def _split(scores: list[float], at: int) -> tuple[list[float], list[float]]:
    return scores[:at], scores[at + 1 :]


def _ranked(decision: Decision) -> list[int]:
    return decision.candidates[0].scores.best(decision.eligible, len(decision.eligible))


def _model(decision: Decision) -> Model:
    if decision.model is None:
        raise UsageError("decision: it was made without a compiled library")
    return decision.model


def edited(model: Model, route: Route, added: str) -> Library:
    """The library that a model was compiled from, with words added to one rule's When."""
    from router.compiler.compiling import library_of  # late: scikit-learn

    agents = tuple(
        _edited(agent, route.rule, added) if agent.id == route.agent.id else agent
        for agent in model.agents
    )
    return replace(library_of(model), agents=agents)


def _edited(agent: Agent, rule: Rule, added: str) -> Agent:
    # In front: behind, it could fall into what the When says the rule is not for.
    when = f"{added} {rule.when}".strip()
    rules = tuple(
        replace(other, when=when) if other.slug == rule.slug else other for other in agent.rules
    )
    description, text = agent.description, agent.text
    if _described(agent, rule):
        description = when
    elif not rule.use and rule.when:
        # A page without a section, whose body has the When, is its own context.
        text = text.replace(rule.when, when, 1)
    return replace(agent, rules=rules, description=description, text=text)


def _described(agent: Agent, rule: Rule) -> bool:
    """Whether the agent's description is the rule's When."""
    return not rule.use and rule.when == agent.description


def _line(agent: Agent, rule: Rule) -> int:
    """The line of the file with the rule's When; the heading's where there is none."""
    if _described(agent, rule):
        return rule.line
    first = agent.lines.index(rule.line) if rule.line in agent.lines else -1
    for place, said in enumerate(agent.text.split("\n")[first + 1 :], start=first + 1):
        if _WHEN.search(said):
            return agent.lines[place]
        if rule.use and said.startswith("#"):
            break
    return rule.line
