"""Public data sets as libraries: a folder of `routes.jsonl` and `test.jsonl` per set."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from router import Router
from router.compiler.compiling import compile_library
from router.compiler.encoder import StaticEncoder
from router.compiler.onnx import SentenceEncoder
from router.library.discovery import snapshot
from router.library.folder import read_library
from router.library.source import Folder
from router.model import artifact
from router.model.sentences import Encoder

Row = dict[str, Any]


def rows(path: Path) -> list[Row]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def sentence_encoder(model: str) -> SentenceEncoder:
    """The encoder in an ONNX file with a `tokenizer.json` beside it."""
    return SentenceEncoder(model, Path(model).with_name("tokenizer.json"))


def build(
    routes: Iterable[Row], encoder: StaticEncoder | None, sentences: Encoder | None = None
) -> tuple[Router, dict[str, str]]:
    """The product's own router over `routes`, and the data set's id of each agent file's path.

    Each route becomes an agent file whose front matter is its name and description and whose body
    has its `examples`: a file without a selection section is one implicit rule.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "agents").mkdir()
        ids = {}
        names: set[str] = set()
        for number, route in enumerate(routes):
            name = re.sub(r"[^\w .-]|_", " ", route["name"]).strip(" .-") or f"route {number}"
            name = name if name not in names else f"{name} {number}"
            names.add(name)
            path = f"agents/{number:06d}.md"
            ids[path] = str(route["id"])
            matter = {"name": name, "description": route["description"] or name}
            text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in matter.items())
            examples = "".join(f"- {' '.join(e.split())}\n" for e in route.get("examples", ()))
            body = f"**Examples**:\n\n{examples}" if examples else ""
            Path(folder, path).write_text(f"---\n{text}\n---\n{body}", "utf-8")
        opened = Folder(folder)
        files = snapshot(opened)
        library = read_library(opened, files)
        assert not library.errors, library.errors[:3]
        model = Path(folder, "model")
        artifact.write(model, compile_library(library, files.digest, encoder, sentences))
        return Router(artifact.read(model), encoder=sentences), ids
