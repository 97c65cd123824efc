"""Why a decision came out as it did: every word's share, and the field where it stands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router import Router
from router.decision import explanation
from router.decision.deciding import Decision
from router.decision.explanation import Explanation, Near, Say

HARBOUR = """---
name: harbour-master
description: Watches over quays
---
**Role**: Warden

**Core Responsibilities**:
- Allots berths

## Dynamic Prompt Selection
### Piloting
**When**: A vessel approaches in fog
**Use**: [Towage](../prompts/tow.md)
**Not when**: The crew is stuck with an anchor
**Examples**:
- guide the trawler
**Rationale**: Collisions cost lives

### Catering
**When**: The crew wants soup
**Use**: [Kitchen](../prompts/kitchen.md)
**Rationale**: Hungry sailors mutiny
"""
PROMPTS = {
    "tow": "---\ntitle: Towage\ndescription: Drag hulls along\n---\nFasten the hawser to bollards.\n",
    "kitchen": "---\ntitle: Kitchen\ndescription: Boil and fry\n---\nPeel the potatoes.\n",
}
TASKS = '{"task": "escort the gondola", "expect": "harbour-master/piloting"}\n'

SPOKEN = st.lists(
    st.one_of(
        st.sampled_from("slow query tests the page is laggy deploy databse pipeline of a".split()),
        st.text(min_size=1, max_size=12).filter(lambda word: "\0" not in word),
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


@pytest.fixture(scope="module")
def harbour(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Router:
    """Two rules of one agent, each of whose fields has words of its own."""
    root = tmp_path_factory.mktemp("harbour")
    for folder in ("agents", "prompts", "tasks"):
        (root / folder).mkdir()
    (root / "agents/harbour-master.md").write_text(HARBOUR)
    for name, page in PROMPTS.items():
        (root / f"prompts/{name}.md").write_text(page)
    (root / "tasks/labels.jsonl").write_text(TASKS)
    return Router.load(root)


def piloting(router: Router, task: str) -> Explanation:
    found = router.route(task).evidence
    return next(e for e in found if e.candidate.route == "harbour-master/piloting")


def said(explained: Explanation, word: str) -> Say:
    return next(said for said in explained.words if said.word == word)


@settings(deadline=None)
@given(SPOKEN.filter(str.strip))
def test_the_words_and_the_bias_are_the_score(router: Router, task: str) -> None:
    decision = router.route(task)
    assert len(decision.evidence) == len(decision.candidates)
    for explained, candidate in zip(decision.evidence, decision.candidates, strict=True):
        total = decision.candidates[0].scores.totals[candidate.place]
        shares = [said.contribution for said in explained.words]
        assert sum(shares) + router.model.bias[candidate.place] == pytest.approx(total, abs=1e-9)
        assert explained.bias == pytest.approx(router.model.bias[candidate.place], abs=1e-9)


@settings(deadline=None)
@given(SPOKEN.filter(str.strip))
def test_shares_are_those_that_the_scores_tell(router: Router, task: str) -> None:
    """The channels add up to a word's share; lifts are what a candidate's own evidence shows."""
    decision = router.route(task)
    for explained, candidate in zip(decision.evidence, decision.candidates, strict=True):
        scores = candidate.scores
        for word, heard in zip(scores.words, explained.words, strict=True):
            own = scores.contribution(word, candidate.place)
            assert heard.word == word.text
            assert heard.contribution == pytest.approx(own, abs=1e-12)
            assert heard.lift == pytest.approx(own - scores.usual(word), abs=1e-12)
        strongest = [heard.word for heard in explained.speaks_for][: len(candidate.evidence)]
        assert strongest == [evidence.word for evidence in candidate.evidence]
        lifts = [heard.lift for heard in explained.speaks_for]
        losses = [heard.loss for heard in explained.speaks_against]
        assert lifts == sorted(lifts, reverse=True)
        assert losses == sorted(losses)
        assert all(lift > 0 for lift in lifts)
        assert all(loss < 0 for loss in losses)


@pytest.mark.parametrize(
    ("word", "field"),
    [
        ("piloting", "title"),
        ("vessels", "when"),
        ("trawlers", "examples"),
        ("gondolas", "examples"),
        ("collision", "rationale"),
        ("towage", "prompt title"),
        ("dragging", "prompt title"),
        ("hawsers", "prompt body"),
        ("harbour", "agent"),
        ("quay", "agent"),
        ("wardens", "responsibilities"),
        ("berth", "responsibilities"),
        ("anchors", "not when"),
        ("vessels approaching", "when"),
    ],
)
def test_a_word_is_found_in_its_field_by_its_stem(harbour: Router, word: str, field: str) -> None:
    assert said(piloting(harbour, word), word).fields == (field,)


def test_a_word_in_several_fields_names_them_all(harbour: Router) -> None:
    agents = {e.candidate.route: said(e, "the").fields for e in harbour.route("the fog").evidence}
    assert agents["harbour-master/piloting"] == ("examples", "prompt body", "not when")


def test_a_typo_names_the_word_that_it_is_like(harbour: Router) -> None:
    heard = said(piloting(harbour, "trawller in sight"), "trawller")
    assert (heard.fields, heard.near) == ((), Near("trawler", "examples"))
    assert heard.channels[0] == 0.0
    assert heard.channels[1] > 0.0


def test_a_synonym_speaks_by_its_meaning(harbour: Router) -> None:
    """The rule says vessel, hull and trawler, none of which is spelt like a ship."""
    heard = said(piloting(harbour, "ships"), "ships")
    assert (heard.fields, heard.near, heard.channel) == ((), None, "meaning")
    assert heard.channels[2] > 0.0
    assert heard.channels[:2] == (0.0, 0.0)


def test_not_when_speaks_against(harbour: Router) -> None:
    explained = piloting(harbour, "crew")
    heard = said(explained, "crew")
    assert heard.fields == ("not when",)
    assert heard.channels[0] < 0.0
    assert heard.lift < 0.0
    assert heard in explained.speaks_against


@pytest.mark.parametrize("top", [1, 3])
def test_the_rival_is_the_best_and_of_the_best_the_second(router: Router, top: int) -> None:
    task = "optimize slow queries"
    ranked = [candidate.route for candidate in router.route(task).candidates]
    found = router.route(task, top=top).evidence
    assert [explained.rival for explained in found] == [ranked[1], ranked[0], ranked[0]][:top]
    assert [explained.rank for explained in found] == [1, 2, 3][:top]
    for explained in found[1:]:
        best = said(found[0], "queries")
        assert said(explained, "queries").lead == pytest.approx(
            said(explained, "queries").contribution - best.contribution
        )
        assert "queries" in [heard.word for heard in explained.speaks_against]


def test_the_only_route_has_no_rival(library: Callable[[str], Path]) -> None:
    explained = Router.load(library("good")).route("ship the release").evidence[0]
    assert explained.rival is None
    assert all(heard.lead == 0.0 for heard in explained.words)


def test_a_page_without_rules_has_a_body_of_its_own(library: Callable[[str], Path]) -> None:
    decision = Router.load(library("loop")).route("careful cooking")
    cook = next(e for e in decision.evidence if e.candidate.agent == "cook")
    assert said(cook, "careful").fields == ("body",)
    assert said(cook, "cooking").fields == ("title", "when", "body", "agent")


def test_stop_words_count_and_are_not_told(router: Router) -> None:
    explained = router.route("how is the page").evidence[0]
    assert [heard.word for heard in explained.words][:4] == ["how", "is", "the", "page"]
    told = {heard.word for heard in (*explained.speaks_for, *explained.speaks_against)}
    assert not told & {"how", "is", "the"}


def test_a_decision_without_a_library_has_no_evidence() -> None:
    assert Decision("x", (), (), "no-evidence", 0.0, 0.5).evidence == ()


def test_a_plain_route_explains_nothing(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither routing nor assembling nor printing a decision derives evidence or a margin."""

    def never(*arguments: object) -> None:
        raise AssertionError("asked for an explanation")

    for module in ("router.decision.explanation", "router.decision.flip", "router.model.fields"):
        __import__(module)
        for name, value in vars(sys.modules[module]).items():
            if callable(value) and getattr(value, "__module__", "") == module:
                monkeypatch.setattr(sys.modules[module], name, never)
    decision = router.route("optimize slow queries")
    assert router.assemble(decision).text
    assert decision.line
    assert decision.to_dict()
    with pytest.raises(AssertionError, match="asked for an explanation"):
        assert decision.evidence


def test_json_has_every_word(router: Router) -> None:
    told = router.route("the page is slow").evidence[0].to_dict()
    assert [word["word"] for word in told["words"]] == [
        "the", "page", "is", "slow", "the page", "page is", "is slow",
    ]  # fmt: skip
    assert set(told["words"][0]["channels"]) == set(explanation.CHANNELS)
    total = told["bias"] + sum(word["contribution"] for word in told["words"])
    assert total == pytest.approx(told["score"], abs=1e-3)
