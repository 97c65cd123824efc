"""A word to the pieces that static vectors are stored for (byte-pair encoding, Llama's order)."""

from __future__ import annotations

from collections.abc import Mapping

WORD_START = "▁"


def split_word(word: str, pieces: Mapping[str, int]) -> list[int]:
    """The word's pieces as numbers of `pieces`; characters without a piece are left out.

    Joins the two neighbours whose join has the lowest number until none is left: Llama's
    vocabulary is numbered in the order of its merges, so this equals its tokenizer (checked
    against the `tokenizers` package in the tests).

    >>> split_word("ab", {"▁": 0, "a": 1, "b": 2, "▁a": 3, "▁ab": 4})
    [4]
    """
    whole = pieces.get(WORD_START + word)
    parts = [WORD_START, *word]
    if whole is not None:
        return [whole]
    while True:
        best, place = -1, -1
        for index in range(len(parts) - 1):
            joined = pieces.get(parts[index] + parts[index + 1])
            if joined is not None and (best < 0 or joined < best):
                best, place = joined, index
        if best < 0:
            return [pieces[part] for part in parts if part in pieces]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
