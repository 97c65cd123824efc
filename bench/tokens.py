"""How far the estimate of tokens is from real tokenizers: `python bench/tokens.py [TOKENIZER …]`.

A tokenizer is a `tokenizer.json` as the `tokenizers` package reads it, or the name of an encoding
of `tiktoken`, where that is installed. Without any: Llama 2's, which `wordllama` carries.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path

from tokenizers import Tokenizer

from router.library.tokens import estimate

ROOT = Path(__file__).parent.parent


def counter(name: str) -> Callable[[str], int]:
    if not name.endswith(".json"):
        import tiktoken  # type: ignore[import-not-found, unused-ignore]

        encoding = tiktoken.get_encoding(name)
        return lambda text: len(encoding.encode(text, disallowed_special=()))
    tokenizer = Tokenizer.from_file(name)
    tokenizer.no_truncation()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def llama() -> str:
    spec = util.find_spec("wordllama")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "tokenizers/l2_supercat_tokenizer_config.json")


def main() -> None:
    pages = [path for name in ("agents", "prompts") for path in (ROOT / name).glob("*.md")]
    code = [*(ROOT / "router").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    rows = [path.read_text() for path in (ROOT / "bench/described").glob("*/test.jsonl")]
    texts = {
        "agents, prompts": [path.read_text() for path in pages],
        "Python": [path.read_text() for path in code if path.stat().st_size > 500],
        "tasks": [json.loads(row)["text"] for text in rows for row in text.splitlines()],
    }
    for name in sys.argv[1:] or [llama()]:
        count = counter(name)
        for kind, listed in texts.items():
            real = [count(text) for text in listed]
            ratios = [estimate(text) / tokens for text, tokens in zip(listed, real, strict=True)]
            cuts = statistics.quantiles(ratios, n=20)
            total = sum(map(estimate, listed)) / sum(real)
            print(
                f"{Path(name).name:36} {kind:16} {len(listed):5} texts"
                f"   all {total - 1:+6.1%}   nine in ten {cuts[0] - 1:+6.1%} … {cuts[-1] - 1:+6.1%}"
            )


if __name__ == "__main__":
    main()
