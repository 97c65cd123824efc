"""One definition of the score: the routing path gives what scikit-learn and numpy give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from router import Router, artifact, classifier, text
from router.classifier import RouteText
from router.compiler import compile_library, route_text
from router.encoder import StaticEncoder, load_wordllama
from router.library import Library, read_library
from router.model import CHANNEL_WEIGHTS, Model, Scorer
from router.pieces import split_word
from router.source import Folder, snapshot

ROOT = Path(__file__).parent.parent

TASKS = [
    "optimize slow queries",
    "the login page is laggy since yesterday's deploy",
    "databse migraton fails with a deadlok",
    "test tests testing tested",
    "日程 naïve C++ kubernetes",
]


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    found = load_wordllama()
    assert found is not None
    return found


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


@pytest.mark.parametrize("task", TASKS)
def test_the_lexical_channels_are_tfidf_cosines(
    task: str, shipped: Library, texts: list[RouteText], tmp_path: Path
) -> None:
    """With scikit-learn's own vectorizer, over a task of the library's words alone."""
    weights = classifier.fit(texts, None)
    known = set(weights.terms.features)
    task = " ".join(word for word in text.words(task) if text.stem(word) in known)
    if not task:
        pytest.skip("no word of this task is known")
    distinct = [*dict.fromkeys(text.words(task))]
    documents = [classifier._document(route) for route in texts]
    expected = np.zeros(len(texts))
    for channel, analyze in ((0, text.terms), (1, text.text_grams)):
        vectorizer = TfidfVectorizer(analyzer=analyze, sublinear_tf=True).fit(documents)
        routes = sum(
            (
                weight * vectorizer.transform([getattr(route, name) for route in texts])
                for name, weight in classifier.FIELD_WEIGHTS.items()
            ),
            start=vectorizer.transform([""] * len(texts)),
        )
        routes = normalize(routes)
        against = vectorizer.transform([route.not_when for route in texts])
        against = against - against.multiply(routes > 0)
        routes = normalize(routes - classifier.NOT_WHEN_WEIGHT * against)
        # Words are taken as orthogonal: the length is over words, each word's features counted.
        vector = sum(
            vectorizer.idf_[i] ** 2 * n for i, n in _features(vectorizer, analyze, distinct)
        )
        query = np.zeros(len(vectorizer.idf_))
        for i, n in _features(vectorizer, analyze, distinct):
            query[i] += vectorizer.idf_[i] * n
        unseen = sum(
            1 for word in distinct for f in analyze(word) if f not in vectorizer.vocabulary_
        )
        length = np.sqrt(vector + unseen * (np.log(1 + len(texts)) + 1) ** 2)
        expected += CHANNEL_WEIGHTS[channel] * (routes @ query) / length
    totals = scorer(shipped, None, tmp_path).score(task).totals
    np.testing.assert_allclose(totals, expected, rtol=1e-4, atol=1e-5)


def _features(
    vectorizer: TfidfVectorizer, analyze: object, distinct: list[str]
) -> Iterator[tuple[int, int]]:
    assert callable(analyze)
    for word in distinct:
        for feature in analyze(word):
            if feature in vectorizer.vocabulary_:
                yield vectorizer.vocabulary_[feature], 1


@pytest.mark.parametrize("task", TASKS)
def test_the_sense_channel_is_a_product_of_vectors(
    task: str,
    shipped: Library,
    texts: list[RouteText],
    encoder: StaticEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    both = scorer(shipped, encoder, tmp_path_factory.mktemp("a")).score(task).totals
    lexical = scorer(shipped, None, tmp_path_factory.mktemp("b")).score(task).totals
    senses = classifier.fit(texts, encoder).senses
    assert senses is not None
    pieces = [
        p for word in dict.fromkeys(text.words(task)) for p in split_word(word, encoder.pieces)
    ]
    vectors = encoder.vectors[pieces]
    expected = (
        CHANNEL_WEIGHTS[2] * (vectors @ senses.T).sum(axis=0) / np.sqrt(np.square(vectors).sum())
    )
    np.testing.assert_allclose(np.subtract(both, lexical), expected, rtol=1e-4, atol=1e-5)


def test_contributions_add_up_to_the_score(router: Router) -> None:
    scores = Scorer(router.model).score(TASKS[1])
    for number, total in enumerate(scores.totals):
        parts = sum(scores.contribution(word, number) for word in scores.words)
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
    assert Scorer(model).score("hello world").totals == (0.0,)
