"""A budget holds whatever it is given, the task stays whole, and what went is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tokenizers import Tokenizer

from router import BudgetError, Candidate, Context, Decision, Router, UsageError
from router.context import formats
from router.context.assembling import Assembler
from router.context.boundary import recover
from router.context.formats import FORMATS, Format
from router.library.pages import read_page
from router.library.records import Agent, Link, Prompt, Route, Rule
from router.library.rules import closing
from router.library.tokens import estimate
from router.model import artifact
from router.model.calibration import Calibration, Scale
from router.model.pages import Pages
from router.model.scores import Lexicon, Model, Scores

TASK = "optimize slow queries"


@pytest.fixture(scope="module")
def decision(router: Router) -> Decision:
    return router.route(TASK)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A real one that is there without a network: Llama 2's, inside wordllama."""
    spec = util.find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "tokenizers"
    found = Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))
    found.no_truncation()
    return found


def size(context: Context, format: Format, count: Callable[[str], int] = estimate) -> int:
    """What a model would have to read."""
    return sum(count(text) for text in formats.contents(context.parts, format) if text)


COUNTERS: dict[str, Callable[[str], int]] = {
    "estimate": estimate,
    "characters": len,
    "words": lambda text: len(text.split()),
    "uneven": lambda text: sum(map(ord, text)) % 7 + len(text) // 3,
    "in hundreds": lambda text: -(-len(text) // 100),
}


@settings(max_examples=150, deadline=None)
@given(
    task=st.text(st.one_of(st.sampled_from("ab` \n<>/#"), st.characters(codec="utf-8")), min_size=1)
    .filter(lambda task: task.strip() and "\0" not in task),
    share=st.floats(0.0, 1.1),
    format=st.sampled_from(FORMATS),
    counter=st.sampled_from(sorted(COUNTERS)),
    routes=st.lists(st.integers(0, 22), min_size=0, max_size=2),
)  # fmt: skip
def test_it_fits_or_says_what_would(
    router: Router, task: str, share: float, format: Format, counter: str, routes: list[int]
) -> None:
    """For any task, format, counter and budget; the smallest that the error names works."""
    count = COUNTERS[counter]
    decision = router.route(task)
    scores = router.route(TASK).candidates[0]
    matches = tuple(
        type(scores)(router.routes[n], 1.0, 0.0, n, scores.scores) for n in dict.fromkeys(routes)
    )
    decision = type(decision)(
        task, decision.candidates, matches, "routed", 1.0, 0.0, model=router.model
    )
    whole = router.assemble(decision, count=count, format=format)
    budget = int(size(whole, format, count) * share)
    try:
        context = router.assemble(decision, budget=budget, count=count, format=format)
    except BudgetError as error:
        asked, budget = budget, error.smallest
        context = router.assemble(decision, budget=budget, count=count, format=format)
        assert budget > asked
        with pytest.raises(BudgetError):
            router.assemble(decision, budget=budget - 1, count=count, format=format)
    assert context.budget is not None
    assert size(context, format, count) <= context.budget.used <= budget
    assert context.parts[-1].text == task
    assert context.parts[-1].trust == "task"
    if share >= 1.0 and counter != "uneven":
        assert context.parts == whole.parts
        assert context.dropped == ()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("budget", range(100, 4400, 330))
def test_parts_are_whole_or_cut_where_allowed(
    router: Router, decision: Decision, budget: int, format: Format
) -> None:
    """Each part is the beginning of what it was; fences and tables stay closed."""
    whole = {
        (part.source, part.section, part.role): part.text
        for part in router.assemble(decision).parts
    }
    context = router.assemble(decision, budget=budget, format=format)
    shortened = 0
    for part in context.parts:
        text = whole[part.source, part.section, part.role]
        assert text.startswith(part.text)
        assert part.text.count("\n```") % 2 == 0
        rest = text[len(part.text) :]
        assert not (part.text.endswith("|") and rest.startswith("\n   |"))
        shortened += bool(rest)
    assert shortened <= 1


def test_what_matters_least_goes_first(router: Router, decision: Decision) -> None:
    """The rules that have done their work, the agent's other sections, who it is; then prompts."""
    gone: list[str] = []
    for budget in range(4400, 100, -20):
        context = router.assemble(decision, budget=budget)
        names = [part.section or part.role for part in context.parts]
        full = [part.section or part.role for part in router.assemble(decision).parts]
        gone += [name for name in full if name not in names and name not in gone]
    assert gone == [
        "Dynamic Prompt Selection",
        "Success Metrics",
        "Escalation Triggers",
        "Common Patterns",
        "Backend Development Strategy",
        "Pre-Backend Checklist",
        "Best Practices",
        "Development Workflow",
        "Technology Stack",
        "Quality Gates",
        "Backend Developer Agent Instructions",
    ]


def test_a_larger_budget_never_leaves_less(router: Router, decision: Decision) -> None:
    sizes = [router.assemble(decision, budget=n).tokens for n in range(20, 4500, 40)]
    assert sizes == sorted(sizes)


def test_what_was_dropped_is_listed_with_its_tokens(router: Router, decision: Decision) -> None:
    whole = router.assemble(decision)
    context = router.assemble(decision, budget=1500)
    assert context.tokens + sum(gone.tokens for gone in context.dropped) == whole.tokens
    agent, cut, prompt = context.dropped
    assert (agent.source, agent.lines, len(agent.titles)) == (
        "agents/backend-developer.md",
        (7, 98),
        11,
    )
    assert (cut.cut, cut.titles, cut.source) == (
        True,
        ("Worked example", "Pitfalls"),
        "prompts/database-optimization.md",
    )
    assert (prompt.cut, prompt.source, prompt.tokens) == (False, "prompts/query-analysis.md", 1548)
    assert context.to_dict()["dropped"][1]["titles"] == ["Worked example", "Pitfalls"]
    assert context.to_dict()["budget"] == {"limit": 1500, "used": context.budget and context.budget.used, "format": "markdown", "counter": "estimate"}  # fmt: skip


@pytest.mark.parametrize("budget", [0, -5, 12])
def test_a_budget_below_the_task_names_the_smallest(
    router: Router, decision: Decision, budget: int
) -> None:
    message = (
        f"budget: {budget} tokens are too few for the task alone; the smallest that works is 13"
    )
    with pytest.raises(BudgetError, match=message):
        router.assemble(decision, budget=budget)
    assert [part.role for part in router.assemble(decision, budget=13).parts] == ["task"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_real_tokenizer_plugs_in(
    router: Router, decision: Decision, tokenizer: Tokenizer, format: Format
) -> None:
    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    context = router.assemble(decision, budget=2000, count=count, format=format)
    assert 1800 < size(context, format, count) <= 2000
    assert context.budget is not None
    assert context.budget.counter.endswith("count")


def test_the_estimate_is_near_a_real_tokenizer(router: Router, tokenizer: Tokenizer) -> None:
    """Llama 2 has a quarter of the vocabulary that newer ones have, and needs more tokens."""
    texts = [prompt.text for prompt in router.model.prompts]
    ratios = [estimate(text) / len(tokenizer.encode(text).ids) for text in texts]
    assert min(ratios) > 0.8
    assert max(ratios) < 1.0


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("optimization", 2),
        ("12345", 2),
        ("a b", 2),
        ("a  b", 3),
        ("a\n\nb", 3),
        ("{{ x }}", 3),
        ("naïve", 3),
        ("数据库", 3),
    ],
)
def test_estimates(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@given(st.text(), st.text())
def test_a_text_is_at_most_the_sum_of_its_lines(one: str, other: str) -> None:
    assert estimate(f"{one}\n{other}") <= estimate(f"{one}\n") + estimate(other)


def test_an_unknown_format_is_refused(router: Router, decision: Decision) -> None:
    with pytest.raises(UsageError, match="format: no format `yaml`; there are markdown, xml"):
        router.assemble(decision, format="yaml")  # type: ignore[arg-type]


LINES = ["# A", "## Quality Gates", "### Checklist", "**Role**: x", "One. Two three.", "- x", "  y",
         "```", "| a | b |", "|---|---|", "> q", "", "", "<div>", "`a. B` C.", "{{ x }} ${y} 数"]  # fmt: skip
PAGES = st.lists(st.sampled_from(LINES), max_size=25).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(
    agent=PAGES,
    prompts=st.lists(PAGES, max_size=3),
    task=st.text(min_size=1).filter(lambda task: task.strip() and "\0" not in task),
    budget=st.integers(0, 250),
    format=st.sampled_from(FORMATS),
    counter=st.sampled_from(["estimate", "characters", "words"]),
)
def test_any_library_fits(
    agent: str, prompts: list[str], task: str, budget: int, format: Format, counter: str
) -> None:
    """Whatever the pages say; and a markdown parser finds the task whole at the end."""
    count = COUNTERS[counter]
    assembler, decision = made(agent, prompts, task, count)
    whole = assembler.assemble(decision, None, format)
    try:
        context = assembler.assemble(decision, budget, format)
    except BudgetError as error:
        budget = error.smallest
        context = assembler.assemble(decision, budget, format)
    assert size(context, format, count) <= budget
    assert context.parts[-1].text == task
    assert recover(context.render(format), format) == task
    texts = {
        (part.source, part.section, part.lines and part.lines[0]): part for part in whole.parts
    }
    cut = 0
    for part in context.parts:
        full = texts[part.source, part.section, part.lines and part.lines[0]]
        assert full.text.startswith(part.text)
        cut += part.text != full.text
    assert cut <= 1
    if size(whole, format, count) <= budget - 4:
        assert not context.dropped
    last = MarkdownIt("commonmark").parse(context.text)[-1]
    assert last.type == "fence"
    assert last.content.rstrip("\n") == re.sub("\r\n?", "\n", task).rstrip("\n")


def made(
    agent: str, prompts: list[str], task: str, count: Callable[[str], int]
) -> tuple[Assembler, Decision]:
    """An assembler of a library with one agent and one rule, and a decision for that rule."""
    texts = {f"prompts/{number}.md": closed(text) for number, text in enumerate(prompts)}
    agent = closed(agent)
    pages = {path: read_page(text, range(1, 99), agent=False) for path, text in texts.items()}
    pages["agents/a.md"] = read_page(agent, range(1, 99), agent=True)
    listed = tuple(Prompt(path, "P", "", "0" * 64, text) for path, text in texts.items())
    rule = Rule("R", "r", "x", tuple(Link("P", path, 1, path) for path in texts), "Because")
    model = Model(
        "", "", None, (), listed, (), (), Scale(), CALIBRATION, None, NONE, NONE, None, (),
        pages=Pages(artifact.paged(pages)),
    )  # fmt: skip
    route = Route(
        Agent("a", "a", "", "", (), "agents/a.md", "1" * 64, agent, (), "", "", (rule,)), rule
    )
    match = Candidate(route, 1.0, 0.0, 0, Scores((), (), (1.0, 1.0, 1.0)))
    decision = Decision(task, (match,), (match,), "routed", 1.0, 0.0, model=model)
    return Assembler(model, count), decision


def closed(text: str) -> str:
    """As a library hands it on: nothing is left open that would swallow what follows."""
    text = text.strip("\n")
    mark = closing(text)
    return f"{text}\n{mark}" if mark else text


CALIBRATION = Calibration(bias=0.0, score=1.0, lead=1.0, threshold=0.5)
NONE = Lexicon({}, (), (), (), (), 0.0)
