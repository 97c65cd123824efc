"""How many tokens a text is, estimated without a tokenizer.

Counts the pieces that byte-pair tokenizers cut text into before they merge: words of up to nine
letters, numbers of up to three digits, pairs of marks, indents, line breaks. The constants are
those with which the shipped library comes out as it does in Claude 2's tokenizer; the README has
the errors, and `bench/tokens.py` measures them.
"""

from __future__ import annotations

import re

_PIECE = re.compile(r"[A-Za-z]{1,9}|\d{1,3}|\n+|[^\S\n]{2,}|[^\w\s]{1,2}|_|[^\W\d_a-zA-Z]")


def estimate(text: str) -> int:
    """About how many tokens `text` is.

    Of two texts that meet at a line break, it is at most the sum of both.

    >>> estimate("Optimize slow queries, please.")
    6
    """
    return len(_PIECE.findall(text))
