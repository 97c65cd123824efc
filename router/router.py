"""A compiled library, ready to route: `Router.load(".").route("optimize slow queries")`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from router.compiler.cache import load_current, load_joined
from router.context.assembling import Assembler, Count
from router.context.formats import Format
from router.context.parts import Context
from router.decision.deciding import Decision, as_taught, decide
from router.decision.intents import clauses
from router.errors import UsageError
from router.library.records import Route
from router.library.tasks import check_task
from router.library.tokens import estimate
from router.model.scores import Model, Scorer
from router.model.text import words

if TYPE_CHECKING:
    from router.decision.flip import Flip, Margin
    from router.model.sentences import Encoder

Place = str | os.PathLike[str]
"""A folder; in a list also `NAME=FOLDER`."""

COUNTERS = 3
"""Token counters of which a router keeps what they have counted, beside the estimate."""


class Router:
    """Routes tasks to the rules of one compiled library. Safe to share between threads.

    `calibration` makes its confidences: the library's own `routing`, or else the model's.

    >>> router = Router.load(".")                                       # doctest: +SKIP
    >>> router.route("optimize slow queries").candidates[0].route       # doctest: +SKIP
    'backend-developer/database-optimization'
    """

    def __init__(
        self, model: Model, *, arrays: bool | None = None, encoder: Encoder | None = None
    ) -> None:
        self.model = model
        self.encoder = encoder
        self.routes: tuple[Route, ...] = model.routes
        self._assemblers = [Assembler(model, estimate)]
        routing = model.routing
        self.calibration = routing.over(model.calibration) if routing else model.calibration
        self._scorer = Scorer(model, arrays=arrays, encoder=encoder)

    @classmethod
    def load(
        cls,
        library: Place | Sequence[Place] | Mapping[str, Place] = ".",
        *,
        notify: Callable[[str], None] = lambda message: None,
        arrays: bool | None = None,
        encoder: Encoder | None = None,
    ) -> Router:
        """The router of the library in the folder `library`, compiled first if it has changed.

        `notify` gets one line for each thing worth telling a user meanwhile. `arrays`
        is whether to count with numpy: the same decisions, later ready, each of them sooner. By
        default it is used where the process has it already, or the library is large.

        Several libraries, in a list or by names of their own, are one: their agents are called
        `name:agent`, their files `name/path`, and what one has of another byte for byte counts
        once (see `router.library.joining`).

        With an `encoder` of sentences, such as `router.compiler.onnx.SentenceEncoder`, the
        meaning of the task as a whole counts as well: it is called once a task, and once for each
        clause of a task that may ask for several things. Compiling calls it in this process.

        Raises `UsageError` (no such folder, an encoder that gives no vectors), `LibraryError`
        (with every fault of its files) or `CompileError` (compiling hit its limits).
        """
        if isinstance(library, str | os.PathLike):
            model = load_current(library, notify, encoder)
        else:
            from router.library.joining import namespaces  # late: one library is the rule

            if not isinstance(library, Mapping):
                library = namespaces(library)
            if not library:
                raise UsageError("library: name one or more folders")
            model = load_joined(library, notify, encoder)
        return cls(model, arrays=arrays, encoder=encoder)

    @property
    def notices(self) -> tuple[str, ...]:
        """What holds this router back, for a user to know."""
        if "wordllama" not in (self.model.encoder or ""):
            return ("the wordllama package is not installed: meanings are judged less well",)
        return ()

    def route(
        self, task: str, *, agent: str | None = None, top: int = 5, recall: bool = True
    ) -> Decision:
        """Match a task to the library's rules, or to those of one agent alone.

        Returns a `Decision` whatever the task says; its `candidates` are the `top` best. A task
        whose words are those of a labelled task of the library is decided as that says; without
        `recall`, as if it were any other.

        Raises `TaskError` when the task is empty, over 32 KiB or not text, and `UsageError` when
        there is no such agent or `top` is below 1.
        """
        check_task(task)
        if top < 1:
            raise UsageError(f"top: {top} is too few; ask for 1 or more")
        scores = self._scorer.score(task)
        eligible = self.eligible(agent)
        model = self.model
        decision = decide(
            task, self.routes, scores, eligible, self.calibration, model.scale, top,
            lambda: ((clause, self._scorer.score(clause)) for clause in clauses(task)), model,
        )  # fmt: skip
        if recall:
            taught = model.taught.get(words(task))
            if taught is not None and set(taught) <= set(eligible):
                return as_taught(decision, self.routes, taught)
        return decision

    def margin(self, decision: Decision, *, to: str | None = None) -> Margin | None:
        """What keeps the route `to` from being taken; else the best, or the one after the taken.

        None where there is no other route.

        Raises `UsageError` for a route that the decision was not made among, or a decision of
        another router.
        """
        from router.decision import flip  # late: not needed to route

        self._own(decision)
        return flip.margin(decision, self.calibration, to)

    def flip(
        self,
        decision: Decision,
        *,
        to: str | None = None,
        notify: Callable[[str], None] = lambda message: None,
    ) -> Flip:
        """The smallest edit found that makes `to` win, or any other candidate for None.

        After an abstention that is the best. Each trial compiles the whole library, in seconds;
        `notify` gets a line before each.

        Raises `UsageError` as `margin` does.
        """
        from router.decision import flip

        self._own(decision)
        return flip.search(decision, self.calibration, to, notify, self.encoder)

    def _own(self, decision: Decision) -> None:
        if decision.model is not self.model:
            raise UsageError("decision: it was made by another router; route the task again")

    def assemble(
        self,
        decision: Decision,
        *,
        budget: int | None = None,
        count: Count = estimate,
        format: Format = "markdown",
    ) -> Context:
        """The context for a decision; for an abstention, the task alone.

        With a `budget` it has at most so many tokens in `format`, as `count` counts them: by
        default an estimate, else a tokenizer's function from text to number. What had no room is
        in `Context.dropped`.

        Raises `BudgetError` where the task alone has more, and `UsageError` for a format that
        there is not, or a decision of another router.
        """
        self._own(decision)
        return self._assembler(count).assemble(decision, budget, format)

    def show(self, route: str, *, count: Count = estimate) -> Context:
        """What a match of `route` (`agent/rule`) puts into a context: all but the task.

        Raises `UsageError` when there is no such route.
        """
        target = next((target for target in self.routes if target.id == route), None)
        if target is None:
            from router.library.tasks import no_route  # late: near ids take time to find

            raise UsageError(f"route: {no_route(route, [target.id for target in self.routes])}")
        return self._assembler(count).of_route(target)

    def _assembler(self, count: Count) -> Assembler:
        """The one that counts so, kept with what it has counted; the last few are."""
        kept = self._assemblers
        found = next((assembler for assembler in kept if assembler.count == count), None)
        if found is None:
            found = Assembler(self.model, count)
            self._assemblers = [kept[0], found, *kept[1:COUNTERS]]
        return found

    def eligible(self, agent: str | None) -> range | list[int]:
        """The numbers of the routes in `self.routes` that `agent` may take; all for None.

        Raises `UsageError` when there is no such agent.
        """
        if agent is None:
            return range(len(self.routes))
        found = [
            number
            for number, route in enumerate(self.routes)
            if agent in (route.agent.id, route.agent.name)
        ]
        if not found:
            import difflib  # late: not needed to route

            known = sorted({route.agent.id for route in self.routes})
            near = difflib.get_close_matches(agent, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"agent: no agent `{agent}`; {hint}")
        return found
