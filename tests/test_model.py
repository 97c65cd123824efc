"""One definition of the score: the routing path gives what scikit-learn and numpy give."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from router import Router
from router.compiler import classifier, compiling, counting
from router.compiler.compiling import compile_library
from router.compiler.encoder import StaticEncoder
from router.library.discovery import snapshot
from router.library.folder import Library, read_library
from router.library.records import LabelledTask
from router.library.source import Folder
from router.model import artifact, scores, text
from router.model.calibration import WITH_SENSES, Scale
from router.model.fields import RouteText, route_text, route_texts
from router.model.scores import CHANNEL_WEIGHTS, Model, Scorer, Scores

ROOT = Path(__file__).parent.parent

TASKS = [
    "optimize slow queries",
    "the login page is laggy since yesterday's deploy",
    "databse migraton fails with a deadlok",
    "test tests testing tested",
    "日程 naïve C++ kubernetes",
]


@pytest.fixture(scope="module")
def shipped() -> Library:
    folder = Folder(ROOT)
    return read_library(folder, snapshot(folder))


def scorer(library: Library, encoder: StaticEncoder | None, folder: Path) -> Scorer:
    path = folder / "test.model"
    artifact.write(path, compile_library(library, "digest", encoder))
    return Scorer(artifact.read(path))


@pytest.fixture(scope="module")
def texts(shipped: Library) -> list[RouteText]:
    prompts = {prompt.path: prompt for prompt in shipped.prompts}
    return [route_text(route, prompts) for route in shipped.routes]


def test_terms_are_tfidf_cosines(tmp_path: Path) -> None:
    """With scikit-learn's own vectorizer, where each route is one field and no word is a stop word."""
    pages = {"alpha": "slow database queries", "beta": "broken browser layout queries"}
    library = library_of(tmp_path, pages)
    routes = [route_text(route, {}) for route in library.routes]
    fitted = classifier.fit(routes, None, (1.0, 0.0, 0.0), background=())
    task = ["slow", "browser", "queries"]
    vectorizer = TfidfVectorizer(analyzer=text.terms, sublinear_tf=True)
    vectorizer.fit("\n".join(getattr(r, f) for f in classifier.FIELD_WEIGHTS) for r in routes)
    expected = np.zeros((1, 2))
    query = np.zeros((1, len(vectorizer.idf_)))
    for word in task:
        place = vectorizer.vocabulary_[text.term(word)]
        query[0, place] = vectorizer.idf_[place]
    fields = sum(
        (
            weight * vectorizer.transform([getattr(route, name) for route in routes])
            for name, weight in classifier.FIELD_WEIGHTS.items()
        ),
        start=vectorizer.transform([""] * 2),
    )
    unit = normalize(fields).toarray()
    counting = 1.0 / (unit**4).sum(axis=1)
    expected = (normalize(query) @ unit.T)[0] * np.sqrt(counting.mean() / classifier.TERMS)
    # The pairs of this task are new, so that they count for nothing.
    found = classifier._scores(fitted, [" ".join(task)], None, (1.0, 0.0, 0.0))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def library_of(folder: Path, pages: dict[str, str]) -> Library:
    (folder / "agents").mkdir()
    for name, said in pages.items():
        (folder / f"agents/{name}.md").write_text(f"---\nname: {name}\ndescription: {said}\n---\n")
    opened = Folder(folder)
    return read_library(opened, snapshot(opened))


@pytest.mark.parametrize("examples", [0, 6], ids=["described", "with examples"])
@pytest.mark.parametrize("vectors", [True, False], ids=["vectors", "lexical"])
def test_every_path_gives_the_same_score(
    tmp_path: Path,
    encoder: StaticEncoder,
    examples: int,
    vectors: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the fit sees as matrices is what the router adds up from the model file."""
    subjects = ("slow database queries", "broken page layout", "leaked passwords", "a red pipeline")
    (tmp_path / "agents").mkdir()
    for number, subject in enumerate(subjects):
        lines = "".join(f"- {subject} please, case {case}\n" for case in range(examples))
        body = f"**Examples**:\n\n{lines}" if lines else ""
        (tmp_path / f"agents/r{number}.md").write_text(
            f"---\nname: r{number}\ndescription: {subject}\n---\n{body}"
        )
    opened = Folder(tmp_path)
    library = read_library(opened, snapshot(opened))
    used = encoder if vectors else None
    routes = [route_text(route, {}) for route in library.routes]
    weights = classifier.fit(routes, used, CHANNEL_WEIGHTS)
    learned = classifier.fit(routes, used, CHANNEL_WEIGHTS, background=())
    assert bool(learned.bias.any()) == bool(examples)
    expected = classifier._scores(weights, TASKS, used, CHANNEL_WEIGHTS)
    routed = scorer(library, used, tmp_path)
    found = [list(routed.score(task).totals) for task in TASKS]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    on_lists = Scorer(routed._model, arrays=False)
    assert [list(on_lists.score(task).totals) for task in TASKS] == found

    # The layout for libraries of more routes than anybody writes by hand.
    monkeypatch.setattr(scores, "MANY", 1)
    monkeypatch.setattr(compiling, "MANY", 1)
    (tmp_path / "many").mkdir()
    many = scorer(library, used, tmp_path / "many")
    assert many._model.senses is None or many._model.senses.routes
    for arrays in (True, False):
        other = Scorer(many._model, arrays=arrays)
        for task, totals in zip(TASKS, found, strict=True):
            scored = other.score(task)
            np.testing.assert_allclose(scored.totals, totals, rtol=1e-5, atol=1e-5)
            for number, total in enumerate(scored.totals):
                parts = [scored.contribution(word, number) for word in scored.words]
                assert sum(parts) + many._model.bias[number] == pytest.approx(total, abs=1e-5)
            usual = sum(map(scored.usual, scored.words))
            assert usual == pytest.approx(np.mean(totals) - np.mean(many._model.bias), abs=1e-5)
            for count in (1, 3, 9):
                by_score = sorted(range(4), key=lambda n: -scored.totals[n])
                assert scored.best(range(4), count) == by_score[:count]
                assert scored.best([1, 3], count) == [n for n in by_score if n in (1, 3)][:count]


def test_of_equal_routes_the_first_is_best() -> None:
    totals = [1.0, 2.0, 2.0, 0.0, 2.0]
    for kept in (totals, memoryview(array("d", totals))):
        scored = Scores(kept, (), (0.0, 0.0, 0.0))
        assert scored.best(range(5), 4) == [1, 2, 4, 0]
        assert scored.best([0, 4], 4) == [4, 0]


def test_the_smallest_weights_of_the_longest_rows_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = csr_matrix(np.array([[1, 2, 3, -9], [0, 5, 0, 0], [4, 0, 6, 7]], dtype=np.float32))
    assert classifier._pruned(rows) is rows
    monkeypatch.setattr(classifier, "MAX_WEIGHTS", 6)
    kept = [[0, 0, 3, -9], [0, 5, 0, 0], [0, 0, 6, 7]]
    assert classifier._pruned(rows).toarray().tolist() == kept


def test_huge_fields_have_words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the pairs of 100,000 bodies would not fit into memory."""
    routes = [RouteText("Slow query", prompt_bodies="one two three"), RouteText("Red page")]
    monkeypatch.setattr(counting, "MAX_PAIRED_WORDS", 4)
    words, pairs = counting.count_words(routes, ["title", "prompt_bodies"])
    assert set(pairs.features) == {"slow queri", "red page", "one two", "two three"}
    monkeypatch.setattr(counting, "MAX_PAIRED_WORDS", 3)
    words, pairs = counting.count_words([*routes, RouteText("")], ["title", "prompt_bodies"])
    assert set(pairs.features) == {"one two", "two three"}
    assert words.fields["title"].sum() == 4


def test_examples_are_learned_from(tmp_path: Path) -> None:
    """Words that only examples have decide, also against the words of another description."""
    (tmp_path / "agents").mkdir()
    for name, about, word in (("a", "fruit and trees", "boat"), ("b", "ships and boats", "apple")):
        lines = "".join(
            f"- {verb} the {word} now\n" for verb in ("wash", "buy", "sell", "paint", "fix")
        )
        (tmp_path / f"agents/{name}.md").write_text(
            f"---\nname: {name}\ndescription: {about}\n---\n**Examples**:\n\n{lines}"
        )
    opened = Folder(tmp_path)
    library = read_library(opened, snapshot(opened))
    totals = scorer(library, None, tmp_path).score("repair the boat").totals
    assert totals[0] > totals[1]


def test_labelled_tasks_are_examples_of_their_routes(tmp_path: Path) -> None:
    """After the rule's own, each once, and in one line; those of no route are nobody's."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/a.md").write_text(
        "---\nname: a\ndescription: fruit\n---\nWash it.\n\n**Examples**:\n\n- peel a pear\n"
    )
    (tmp_path / "agents/b.md").write_text("---\nname: b\ndescription: ships\n---\n")
    opened = Folder(tmp_path)
    library = read_library(opened, snapshot(opened))
    labels = [
        ("an apple,\n\r\nplease\u2028now\x1c", ("a/main",)),
        ("peel a pear", ("a/main",)),
        ("an apple, please now", ("a/main",)),
        ("a fruit boat", ("a/main", "b/main")),
        ("Wash it.", ("a/main",)),
        ("???", ("b/main",)),
        ("what is the time", ()),
    ]
    tasks = tuple(
        LabelledTask(task, routes, "tasks/x.jsonl", line)
        for line, (task, routes) in enumerate(labels, start=1)
    )
    taught = replace(library, tasks=tasks)
    first, second = route_texts(taught.routes, taught.prompts, taught.tasks)
    assert first.examples.split("\n") == [
        "peel a pear",
        "an apple, please now",
        "a fruit boat",
        "Wash it.",
    ]
    assert second.examples.split("\n") == ["a fruit boat", "???"]
    assert "Wash it." in first.prompt_bodies
    assert [text.examples for text in route_texts(library.routes, (), ())] == ["peel a pear", ""]
    scored = scorer(taught, None, tmp_path)
    assert scored.score("apple").totals[0] > 0
    labelled = scored._model.taught
    for task, numbers in [
        ("An apple -- please NOW", [0]),
        ("a fruit boat", [0, 1]),
        ("what is the time", []),
        ("???", None),
        ("an apple", None),
    ]:
        found = labelled.get(text.words(task))
        assert (found if found is None else list(found)) == numbers


@pytest.mark.parametrize(("level", "noise", "floored"), [(1.0, 0.1, False), (0.0, 2.0, True)])
def test_rivals_have_a_floor_unless_what_fits_nothing_was_learned(
    level: float, noise: float, floored: bool
) -> None:
    """Held-out examples of two routes and of none decide: scores go up and down together with a
    deviation of `level`, and that of none alone with `noise`."""
    chance = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 2], 200)
    found = chance.normal(-1.0, 0.1, (800, 3)) + chance.normal(0.0, level, (800, 1))
    found[np.arange(800), labels] += 1.0
    found[:, 2] += chance.normal(0.0, noise, 800)
    background, held_out = found[600:], (found[:600], labels[:600])
    prior, scale = WITH_SENSES, Scale(0.0, 1.0)
    fitted, read = compiling._calibration(prior, scale, held_out, background, 2)
    assert read == replace(scale, floored=floored)
    assert fitted != prior
    assert compiling._calibration(prior, scale, None, background, 2) == (prior, scale)


def test_contributions_add_up_to_the_score(router: Router) -> None:
    scores = Scorer(router.model).score(TASKS[1])
    for number, total in enumerate(scores.totals):
        parts = sum(scores.contribution(word, number) for word in scores.words)
        parts += router.model.bias[number]
        assert parts == pytest.approx(total, abs=1e-9)


def test_a_word_seen_before_scores_the_same(router: Router) -> None:
    fresh = Scorer(router.model)
    first = [fresh.score(task).totals for task in TASKS]
    assert [fresh.score(task).totals for task in TASKS] == first


def test_words_seen_before_are_bounded(router: Router) -> None:
    bounded = Scorer(router.model)
    bounded._room = 10
    for number in range(50):
        bounded.score(f"word{number}")
    assert len(bounded._seen) <= 10


def test_a_library_without_a_word_compiles(tmp_path: Path) -> None:
    agent = tmp_path / "agents/x.md"
    agent.parent.mkdir()
    agent.write_text("---\nname: of\ndescription: the\n---\n")
    folder = Folder(tmp_path)
    library = read_library(folder, snapshot(folder))
    model: Model = scorer(library, None, tmp_path)._model
    assert Scorer(model).score("hello world").totals == array("d", model.bias)
