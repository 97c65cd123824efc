"""Words, stems and n-grams are the same at compile time and at routing time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from tokenizers import Tokenizer

from router.compiler.encoder import wordllama_vocabulary
from router.model.pieces import split_word
from router.model.text import STOP_WORDS, grams, stem, terms, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Fix slowQuery in C++", ["fix", "slow", "query", "in", "c++"]),
        ("C# and F#, not #5", ["c#", "and", "f#", "not", "5"]),
        ("snake_case/path-name.py", ["snake", "case", "path", "name", "py"]),
        ("HTTPServer XMLHttpRequest", ["httpserver", "xmlhttp", "request"]),
        ("Straße ﬁle Ⅷ", ["strasse", "file", "viii"]),
        ("日程を組む", ["日程", "程を", "を組", "組む"]),
        ("오늘 일정 짜기", ["오늘", "일정", "짜기"]),
        ("x" * 100, ["x" * 40]),
        ("", []),
        ("!!! 🚀 --- ", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [("queries", "query"), ("optimizing", "optimize"), ("deployed", "deploys"), ("tests", "test")],
)
def test_inflections_meet(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@given(st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
def test_grams_are_those_of_scikit_learn(word: str) -> None:
    if word in STOP_WORDS:
        assert grams(word) == []
        return
    oracle = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    assert sorted(set(grams(word))) == sorted({g for g in oracle(word) if len(g) >= 3})


@given(st.text(max_size=200))
def test_any_text_has_words(text: str) -> None:
    assert all(term for term in terms(text))
    assert all(len(gram) in (3, 4, 5) for word in words(text) for gram in grams(word))


SAMPLES = st.one_of(
    st.from_regex(r"[a-z]{1,20}", fullmatch=True),
    st.from_regex(r"[a-zäöüéèñ0-9]{1,12}", fullmatch=True),
    st.sampled_from(
        "kubernetes idempotency webhook deadlock sqlalchemy c++ c# naïve höhe 日程 일정 jwt oauth2"
        " qwrtplk unauthorized memoization 3000ms".split()
    ),
)


@settings(deadline=None)
@given(SAMPLES)
def test_pieces_are_those_of_the_tokenizer(oracle: Tokenizer, word: str) -> None:
    """Byte fall-backs, for which there are no vectors worth having, are left out."""
    names = list(wordllama_vocabulary())
    pieces = {piece: number for number, piece in enumerate(names)}
    expected = oracle.encode(word, add_special_tokens=False).tokens
    assert [names[number] for number in split_word(word, pieces)] == [
        token for token in expected if not token.startswith("<0x")
    ]


@pytest.fixture(scope="module")
def oracle() -> Tokenizer:
    spec = importlib.util.find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "tokenizers"
    return Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))
