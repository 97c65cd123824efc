"""What a description says a route is *not* for: negative evidence that authors write in prose."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+(?=[A-Z\"'`(*])|\n")

_VERBS = (
    "activate|apply|call|choose|handle|invoke|load|pick|run|select|trigger|use|used|triggered|invoked"
    "|activated|intended|meant|needed|required|suitable|suited"
)
_CUE = re.compile(
    rf"""(?xi)
    (?: ^\W* | (?<=[,(:\u2013\u2014-])\s* | (?<=\bbut)\s+ | (?<=\band)\s+ )
    (?: (?:do|does|should|must|can)(?:\s+not|n['\u2019]t)\s+(?:be\s+)?(?:{_VERBS})\b
      | (?:never|not)\s+(?:to\s+be\s+)?(?:{_VERBS})\b
      | not\s+(?:for|when|if)\b
      | (?:skip|avoid)\s+(?:for|if|using|when)\b
    )"""
)


def split_exclusions(text: str) -> tuple[str, str]:
    """A description's own claims, and what it excludes: from each cue to the end of its sentence.

    >>> split_exclusions("Plans meals. Use for menus. Do NOT use for shopping lists (use shopper).")
    ('Plans meals. Use for menus.', 'shopping lists (use shopper).')
    >>> split_exclusions("Balances fights, not for prices.")
    ('Balances fights,', 'prices.')

    A text that excludes only is left as it is: it would claim nothing.
    """
    claimed: list[str] = []
    excluded: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        if cue := _CUE.search(sentence):
            claimed.append(sentence[: cue.start()].strip())
            excluded.append(re.sub(r"^(?:for|when|if|to|in)\b", "", sentence[cue.end() :].strip()))
        else:
            claimed.append(sentence)
    if not any(re.search(r"\w", sentence) for sentence in claimed):
        return text, ""
    return (
        " ".join(sentence for sentence in claimed if sentence),
        " ".join(sentence.strip() for sentence in excluded),
    )
