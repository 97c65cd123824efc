"""Make the tiny encoder of this folder: `python tests/encoder/make.py`, with the package `onnx`.

Seven words, each with its own direction of three; the output is a vector per token.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
WORDS = ["[UNK]", "fast", "quick", "slow", "fruit", "apple", "ship"]
TABLE = [[0, 0, 0], [1, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]


def main() -> None:
    # Here, because pytest imports every module of its folder.
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(
        WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    names = ("input_ids", "attention_mask", "token_type_ids")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
        "tiny",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["texts", "tokens"]) for n in names],
        [
            helper.make_tensor_value_info(
                "last_hidden_state", TensorProto.FLOAT, ["texts", "tokens", 3]
            )
        ],
        [numpy_helper.from_array(np.array(TABLE, dtype=np.float32), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / "model.onnx")


if __name__ == "__main__":
    main()
