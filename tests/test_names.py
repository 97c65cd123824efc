"""A table of names in place of a dictionary: the same answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.model.names import Names, table

NAMES = st.lists(st.text(max_size=8), unique=True, max_size=60)


@given(NAMES, st.lists(st.text(max_size=8), max_size=20))
def test_it_is_a_dictionary(listed: list[str], others: list[str]) -> None:
    names = Names(*table(listed))
    expected = {name: number for number, name in enumerate(listed)}
    assert dict(names) == expected
    assert [names.get(name) for name in others] == [expected.get(name) for name in others]
    assert [name in names for name in others] == [name in expected for name in others]


@given(NAMES)
def test_there_is_always_a_free_slot(listed: list[str]) -> None:
    """Else the search for an unknown name would not end."""
    slots = table(listed)[2]
    assert list(slots).count(-1) >= len(listed) + 1
