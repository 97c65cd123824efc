"""An encoder of whole sentences is one more channel of the one score, on every path."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from router import Router, UsageError
from router.compiler import cache as router_cache
from router.compiler import classifier
from router.compiler.compiling import compile_library
from router.compiler.encoder import StaticEncoder
from router.compiler.onnx import SentenceEncoder
from router.decision.explanation import SENTENCE
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder
from router.model import artifact
from router.model.fields import RouteText, route_text
from router.model.scores import CHANNEL_WEIGHTS, SENTENCE_WEIGHT, Scorer
from router.model.sentences import WHOLE, Remembering

ONNX = Path(__file__).parent / "encoder"

SUBJECTS = {
    "boats": "Mending hulls and sails of ships",
    "fruit": "Peeling apples, cooking jam",
    "roads": "Paving streets and filling potholes",
}
DIRECTIONS = (
    {"boats", "ships", "hulls", "sails", "qxboat"},
    {"fruit", "apples", "jam", "qxapple"},
    {"roads", "streets", "potholes", "qxroad"},
)
"""The words beginning with `qx` are in no library and no table of vectors."""

TASKS = ["qxboat", "a jam of the qxapple please", "sails", "repair the streets", "日程 qxroad"]


class Subjects:
    """Says which of three things a text is about; remembers what it was asked."""

    def __init__(self, name: str = "subjects") -> None:
        self.name = name
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], /) -> Any:
        self.asked += texts
        found = [set(text.lower().replace(",", " ").split()) for text in texts]
        return np.array([[0.1, *(len(said & about) for about in DIRECTIONS)] for said in found])


class Says:
    """An encoder that gives the same array whatever it is asked."""

    name = "says"

    def __init__(self, given: Any) -> None:
        self._given = given

    def encode(self, texts: Sequence[str], /) -> Any:
        return self._given


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROUTE_CACHE", str(folder))
    return folder


def written(root: Path, examples: int = 0) -> Path:
    (root / "agents").mkdir(parents=True)
    for name, about in SUBJECTS.items():
        lines = "".join(f"- {about.split()[-1]} please, case {n}\n" for n in range(examples))
        body = f"**Examples**:\n\n{lines}" if lines else ""
        page = f"---\nname: {name}\ndescription: {about}\n---\n{body}"
        (root / f"agents/{name}.md").write_text(page)
    return root


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return written(tmp_path / "library")


@pytest.mark.parametrize("examples", [0, 6], ids=["described", "with examples"])
@pytest.mark.parametrize("vectors", [True, False], ids=["vectors", "lexical"])
def test_every_path_gives_the_same_score(
    tmp_path: Path, encoder: StaticEncoder, examples: int, vectors: bool
) -> None:
    """What the fit sees as matrices is what the router adds up from the model file."""
    opened = Folder(written(tmp_path / "library", examples))
    library = read_library(opened, snapshot(opened))
    static, sentences = encoder if vectors else None, Subjects()
    routes = [route_text(route, {}) for route in library.routes]
    weights = (*CHANNEL_WEIGHTS, SENTENCE_WEIGHT)
    fitted = classifier.fit(routes, static, weights, sentences=sentences)
    assert fitted.sentences is not None
    learned = np.abs(np.linalg.norm(fitted.sentences, axis=1) - 1.0).max() > 0.01
    assert learned == bool(examples)
    expected = classifier._scores(fitted, TASKS, static, weights, sentences)
    path = tmp_path / "test.model"
    artifact.write(path, compile_library(library, "digest", static, sentences))
    model = artifact.read(path)
    on_lists = Scorer(model, arrays=False, encoder=sentences)
    found = [on_lists.score(task).totals for task in TASKS]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    on_arrays = Scorer(model, arrays=True, encoder=sentences)
    assert [tuple(on_arrays.score(task).totals) for task in TASKS] == found


@pytest.mark.parametrize(
    ("field", "said", "parts"),
    [
        ("when", "Pay bills.\nOr not.", ["Pay bills.\nOr not."]),
        ("examples", "pay it, now\nor not", ["pay it, now", "or not"]),
    ],
)
def test_what_an_encoder_is_given_of_a_field(field: str, said: str, parts: list[str]) -> None:
    assert classifier._parts(RouteText(**{"title": "x", field: said}), field) == parts


def test_a_model_keeps_the_vectors_and_the_name(library: Path, encoder: StaticEncoder) -> None:
    opened = Folder(library)
    read = read_library(opened, snapshot(opened))
    payload = compile_library(read, "digest", encoder, Subjects("one"))
    assert payload == compile_library(read, "digest", encoder, Subjects("one"))
    found = artifact.loads(payload).sentences
    assert found is not None
    assert found.name == "one"
    lengths = np.linalg.norm(np.reshape(found.vectors, (len(SUBJECTS), -1)), axis=1)
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-6)
    assert artifact.loads(compile_library(read, "digest", encoder)).sentences is None


@pytest.mark.parametrize(
    ("task", "outcome", "best"),
    [
        ("qxboat", "routed", "boats/main"),
        ("please see to the qxapple", "routed", "fruit/main"),
        ("of the", "no-evidence", None),
        ("???", "no-evidence", None),
    ],
)
def test_a_task_is_routed_by_its_whole_sentence(
    library: Path, task: str, outcome: str, best: str | None
) -> None:
    """Also where no word of it is known; not where it has none that could say anything."""
    decision = Router.load(library, encoder=Subjects()).route(task)
    assert decision.outcome == outcome
    assert best is None or [match.route for match in decision.matches] == [best]


def test_the_whole_sentence_is_evidence(library: Path) -> None:
    router = Router.load(library, encoder=Subjects())
    decision = router.route("mend the qxboat")
    best = decision.candidates[0]
    assert best.evidence[0].word == WHOLE
    assert f"decided by: {WHOLE}" in decision.line
    for number, total in enumerate(best.scores.totals):
        parts = sum(best.scores.contribution(word, number) for word in best.scores.words)
        assert parts + router.model.bias[number] == pytest.approx(total, abs=1e-9)
    explained = decision.evidence[0]
    assert explained.bias == pytest.approx(router.model.bias[best.place], abs=1e-9)
    (whole,) = [said for said in explained.words if said.word == WHOLE]
    assert (whole.channel, whole.fields, whole.near) == (SENTENCE, (), None)
    told = explained.to_dict()["words"]
    assert [SENTENCE in said["channels"] for said in told] == [s["word"] == WHOLE for s in told]


def test_one_agent_alone_may_be_asked(library: Path) -> None:
    decision = Router.load(library, encoder=Subjects()).route("the qxboat", agent="roads")
    assert [candidate.route for candidate in decision.candidates] == ["roads/main"]
    assert decision.candidates[0].confidence < decision.threshold


def test_several_intents_and_how_often_the_encoder_is_asked(library: Path) -> None:
    """Once a task, and once a clause where it may ask for several things."""
    encoder = Subjects()
    router = Router.load(library, encoder=encoder)
    encoder.asked.clear()
    decision = router.route("mend the qxboat and then peel the qxapple")
    assert [match.route for match in decision.matches] == ["boats/main", "fruit/main"]
    assert encoder.asked == [decision.task, "mend the qxboat", "peel the qxapple"]


def test_models_with_and_without_an_encoder_are_kept_beside_each_other(
    library: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    first = Router.load(library, encoder=Subjects("one"), notify=heard.append).route(TASKS[0])
    assert heard[-1] == "compiling with the encoder one (first use, or it has changed) …"
    assert len(list(own_cache.glob("*.model"))) == 2
    Router.load(library, encoder=Subjects("two"))
    assert len(list(own_cache.glob("*.model"))) == 3
    monkeypatch.setattr(router_cache, "_compile", None)
    monkeypatch.setattr(router_cache, "_with_sentences", None)
    assert Router.load(library, encoder=Subjects("one")).route(TASKS[0]) == first
    assert Router.load(library).model.sentences is None


def test_a_change_is_noticed(library: Path) -> None:
    Router.load(library, encoder=Subjects())
    page = library / "agents/roads.md"
    page.write_text(page.read_text().replace("Paving", "Sweeping"))
    router = Router.load(library, encoder=Subjects())
    assert "Sweeping" in router.routes[2].rule.when


def test_a_cache_that_cannot_be_written(library: Path, own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    heard: list[str] = []
    router = Router.load(library, encoder=Subjects(), notify=heard.append)
    assert router.route(TASKS[0]).candidates[0].route == "boats/main"
    assert heard[-1].endswith("; compiled for this run only (set ROUTE_CACHE)")


def test_an_edit_is_tried_with_the_encoder(library: Path) -> None:
    """Each text is encoded once, however many trials there are."""
    encoder = Subjects()
    router = Router.load(library, encoder=encoder)
    decision = router.route("the harbour gate is stuck, sails")
    encoder.asked.clear()
    found = router.flip(decision, to="roads/main")
    assert found.tried
    assert len(encoder.asked) == len(set(encoder.asked))
    if found.edit:
        page = library / found.edit.source.rpartition(":")[0]
        page.write_text(page.read_text().replace("Paving", f"{found.edit.words} Paving"))
        after = Router.load(library, encoder=encoder).route(decision.task)
        assert after.matches[0].route == "roads/main"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones(3), r"says gave an array of shape \(3,\) for \d+ texts"),
        (np.ones((1, 3)), r"says gave an array of shape \(1, 3\) for 3 texts"),
        (np.full((3, 2), np.nan), "must be one row of finite numbers for each"),
    ],
)
def test_an_encoder_that_gives_no_vectors(library: Path, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Router.load(library, encoder=Says(given))


def test_the_encoder_must_be_the_one_that_the_model_was_compiled_with(library: Path) -> None:
    with_one = Router.load(library, encoder=Subjects("one")).model
    plain = Router.load(library).model
    cases: list[tuple[Any, Any, str]] = [
        (with_one, None, "encoder: None was given, the model was compiled with one"),
        (with_one, Subjects("two"), "encoder: two was given, the model was compiled with one"),
        (plain, Subjects("one"), "encoder: one was given, the model was compiled with None"),
    ]
    for model, encoder, message in cases:
        with pytest.raises(UsageError) as caught:
            Router(model, encoder=encoder)
        assert str(caught.value) == message
    liar = Says(np.ones((1, 7)))
    liar.name = "one"
    with pytest.raises(UsageError, match="gave 7 numbers and the model has 4; another encoder"):
        Router(with_one, encoder=liar).route("x")


def test_remembering_gives_what_the_encoder_gives() -> None:
    encoder = Subjects()
    remembering = Remembering(encoder)
    for texts in (["jam", "ships", "jam"], ["ships", "of"]):
        rows = Subjects().encode(texts)
        expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        np.testing.assert_allclose(remembering.encode(texts), expected, rtol=1e-6)
    assert encoder.asked == ["jam", "ships", "of"]
    assert remembering.name == encoder.name


class TestOnnx:
    """With the tiny encoder of `encoder/`, which its `make.py` made."""

    @pytest.fixture(autouse=True)
    def packages(self) -> None:
        pytest.importorskip("onnxruntime")

    @pytest.fixture
    def tiny(self) -> SentenceEncoder:
        return SentenceEncoder(ONNX / "model.onnx", ONNX / "tokenizer.json")

    @pytest.mark.parametrize(
        ("text", "row"),
        [
            ("Fast", (1, 0, 0)),
            ("fast quick quick", (1, 0, 0)),
            ("apple ship", (0, 0.5**0.5, 0.5**0.5)),
            ("apple fruit fruit ship zebra", (0, 0.9**0.5, 0.1**0.5)),
            ("fast slow", (0, 0, 0)),
            ("zebra", (0, 0, 0)),
            ("", (0, 0, 0)),
            ("fast " * 256 + "ship " * 500, (1, 0, 0)),
        ],
    )
    def test_a_text_is_the_mean_of_its_tokens_at_length_one(
        self, tiny: SentenceEncoder, text: str, row: tuple[float, ...]
    ) -> None:
        np.testing.assert_allclose(tiny.encode([text, "ship"]), [row, (0, 0, 1)], atol=1e-6)

    def test_the_name_is_by_content(self, tiny: SentenceEncoder, tmp_path: Path) -> None:
        copy = tmp_path / "other.onnx"
        copy.write_bytes((ONNX / "model.onnx").read_bytes())
        tokenizer = tmp_path / "tokens.json"
        tokenizer.write_bytes((ONNX / "tokenizer.json").read_bytes())
        assert SentenceEncoder(copy, tokenizer).name == tiny.name
        tokenizer.write_text(tokenizer.read_text().replace('"apple"', '"apples"'))
        assert SentenceEncoder(copy, tokenizer).name != tiny.name

    def test_it_routes(self, tiny: SentenceEncoder, tmp_path: Path) -> None:
        (tmp_path / "agents").mkdir()
        for name, about in (("a", "quick quick"), ("b", "fruit")):
            page = f"---\nname: {name}\ndescription: {about}\n---\n"
            (tmp_path / f"agents/{name}.md").write_text(page)
        decision = Router.load(tmp_path, encoder=tiny).route("apple")
        assert decision.candidates[0].route == "b/main"

    @pytest.mark.parametrize(
        ("model", "tokenizer", "message"),
        [
            ("none.onnx", "tokenizer.json", r"none\.onnx: No such file"),
            ("tokenizer.json", "tokenizer.json", r"tokenizer\.json: no ONNX model: "),
            ("model.onnx", "model.onnx", r"model\.onnx: no tokenizer: "),
        ],
    )
    def test_files_that_are_no_encoder(self, model: str, tokenizer: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            SentenceEncoder(ONNX / model, ONNX / tokenizer)

    def test_a_model_of_something_else(self, tmp_path: Path) -> None:
        odd = tmp_path / "odd.onnx"
        data = (ONNX / "model.onnx").read_bytes()
        odd.write_bytes(data.replace(b"token_type_ids", b"pixel_type_ids"))
        with pytest.raises(UsageError, match=r"odd\.onnx: it takes pixel_type_ids; a sentence"):
            SentenceEncoder(odd, ONNX / "tokenizer.json")


def test_without_the_packages_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"onnxruntime is not installed; `pip install"):
        SentenceEncoder("a", "b")
