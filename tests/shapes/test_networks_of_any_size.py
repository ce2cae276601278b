"""Networks whose inputs have no fixed size: `specc summary` shows each step just as Keras makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from specc.backend.network import build
from specc.diagnostics import Log
from specc.driver import check
from specc.plan import Output, Plan, Ref
from specc.tree import Source
from tests.conftest import Ended

NETWORKS = {
    "text by lengths": """
      inputs: {tokens: {shape: [null], dtype: int32}}
      layers:
        - Embedding: {input_dim: 1000, output_dim: 64}
        - SpatialDropout1D: 0.1
        - Bidirectional: {layer: {LSTM: {units: 32, return_sequences: true}}}
        - TimeDistributed: {layer: {Dense: 16}}
        - GlobalMaxPooling1D
        - Dense: 2
    """,
    "pictures of every size": """
      inputs: {image: {shape: [null, null, 3]}}
      layers:
        - Rescaling: 0.01
        - Conv2D: {filters: 8, kernel_size: 3, strides: 2}
        - BatchNormalization
        - SeparableConv2D: {filters: 16, kernel_size: 3, padding: same, activation: relu}
        - MaxPooling2D
        - residual:
            - Conv2D: {filters: 16, kernel_size: 3, padding: same}
            - ReLU
        - GlobalAveragePooling2D: {keepdims: true}
        - Flatten
        - Dense: 10
    """,
    "one side known": """
      inputs: {image: {shape: [32, null, 1]}}
      layers:
        - Conv2D: {filters: 8, kernel_size: [3, 5], padding: same}
        - MaxPooling2D: {pool_size: [2, 3], padding: same}
        - ZeroPadding2D: {padding: [[1, 2], [0, 1]]}
        - Cropping2D: {cropping: [[1, 1], [0, 0]]}
        - Permute: {dims: [2, 1, 3]}
        - TimeDistributed: {layer: {Flatten: {}}}
        - GRU: 12
    """,
    "frames put in rows": """
      inputs: {video: {shape: [null, 16, 16, 3]}}
      layers:
        - TimeDistributed: {layer: {Conv2D: {filters: 4, kernel_size: 3, strides: 2}}}
        - Reshape: {target_shape: [-1, 196]}
        - LayerNormalization
        - LSTM: 8
    """,
    "an encoder": """
      inputs: {x: {shape: [null, 128]}}
      layers:
        - residual:
            - LayerNormalization
            - MultiHeadAttention: {num_heads: 4, key_dim: 32}
              inputs: {query: prev, value: prev}
        - residual:
            - Dense: {units: 256, activation: gelu}
            - Dense: 128
        - ops.mean: {axis: 1}
        - Dense: 4
    """,
    "two lengths that attend to each other": """
      inputs:
        question: {shape: [null, 32]}
        text: {shape: [null, 48]}
      layers:
        - Dense: 32
          name: keys
          inputs: text
        - MultiHeadAttention: {num_heads: 2, key_dim: 8}
          name: read
          inputs: {query: question, value: text}
        - Attention:
          name: plain
          inputs: [question, keys]
        - Concatenate:
          name: both
          inputs: [read, plain]
        - GlobalAveragePooling1D
    """,
    "joined along what is not known": """
      inputs:
        a: {shape: [null, 8]}
        b: {shape: [5, 8]}
      layers:
        - Concatenate: {axis: 1}
          name: long
          inputs: [a, b]
        - ops.concatenate: {axis: -1}
          name: wide
          inputs: {xs: [a, b]}
        - ops.add:
          name: sum
          inputs: {x1: a, x2: b}
        - Dot: {axes: 2}
          name: scores
          inputs: [a, b]
        - ops.einsum: {subscripts: "bic,bjc->bij"}
          name: again
          inputs: {operands: [a, b]}
      outputs: [long, wide, sum, scores, again]
    """,
    "sound in windows": """
      inputs: {sound: {shape: [null, 1]}}
      layers:
        - Conv1D: {filters: 16, kernel_size: 9, strides: 4, padding: causal}
        - DepthwiseConv1D: {kernel_size: 3, dilation_rate: 2}
        - AveragePooling1D: 4
        - UpSampling1D: 2
        - Conv1DTranspose: {filters: 8, kernel_size: 4, strides: 2}
        - GroupNormalization: {groups: 4}
        - AdaptiveAveragePooling1D: 10
        - Flatten
        - Dense: 3
    """,
    "down and up again": """
      inputs: {image: {shape: [null, 64, 3]}}
      layers:
        - Conv2D: {filters: 8, kernel_size: 3, padding: same}
          name: top
        - MaxPooling2D
        - Conv2D: {filters: 16, kernel_size: 3, padding: same}
        - Conv2DTranspose: {filters: 8, kernel_size: 2, strides: 2}
          name: up
        - Concatenate:
          inputs: [top, up]
        - Resizing: {height: 24, width: 24}
        - CenterCrop: {height: 20, width: 20}
        - Conv2D: {filters: 1, kernel_size: 1}
    """,
    "arithmetic": """
      inputs: {x: {shape: [null, 6]}}
      layers:
        - ops.transpose: {axes: [0, 2, 1]}
        - ops.expand_dims: {axis: -1}
        - ops.multiply: {x2: 0.5}
        - ops.squeeze: {axis: -1}
        - ops.softmax: {axis: 1}
        - ops.pad: {pad_width: [[0, 0], [1, 1], [0, 2]]}
        - ops.repeat: {repeats: 2, axis: 1}
        - ops.reshape: {newshape: [-1, 4, 4]}
        - ops.sum: {axis: [1, 2]}
    """,
    "states and outputs": """
      inputs: {x: {shape: [null, 6]}}
      layers:
        - LSTM: {units: 5, return_sequences: true, return_state: true}
          name: read
        - LSTM: {units: 5, return_sequences: true}
          name: on
          inputs: {sequences: "read[0]", initial_state: ["read[1]", "read[2]"]}
        - ops.split: {indices_or_sections: 5, axis: 2}
          name: parts
          inputs: on
        - Add:
          inputs: ["parts[0]", "parts[4]"]
        - ops.top_k: {k: 2}
          name: best
          inputs: on
      outputs: ["best[1]"]
    """,
    "moving pictures": """
      inputs: {clip: {shape: [null, 12, 20, 3]}}
      layers:
        - ConvLSTM2D: {filters: 4, kernel_size: 3, padding: same, return_sequences: true}
        - Conv3D: {filters: 4, kernel_size: 3}
        - MaxPooling3D: {pool_size: [1, 2, 2]}
        - GlobalAveragePooling3D
        - RepeatVector: 7
        - SimpleRNN: {units: 3, return_sequences: true}
    """,
    "rows multiplied by rows": """
      inputs:
        x: {shape: [null, 9]}
        flipped: {shape: [9, null]}
      layers:
        - Masking:
          inputs: x
        - Dense: 9
        - UnitNormalization
        - ops.matmul:
          inputs: {x1: prev, x2: flipped}
    """,
}


@pytest.mark.parametrize("title", NETWORKS)
def test_its_summary_has_the_shapes_that_keras_has(
    title: str, cli: Callable[..., Ended], write: Callable[[str, str], Path]
) -> None:
    text = "specc: 1\nmodel:\n" + NETWORKS[title].lstrip("\n")
    ended = cli("summary", "--format", "json", write("spec.yaml", text))
    assert ended.status == 0, ended.err
    steps = json.loads(ended.out)["steps"]
    model = build(all_shown(check(Source("spec.yaml", text), Log())), Log())
    for step in steps:
        made = [model.output[f"{step['name']}[{i}]"] for i in range(len(step["outputs"]))]
        declared = [{"shape": list(t.shape), "dtype": keras.backend.standardize_dtype(t.dtype)} for t in made]
        assert step["outputs"] == declared, step["name"]
    assert sum(step["params"] for step in steps) == model.count_params()


def all_shown(plan: Plan) -> Plan:
    """The plan with everything that its steps give as outputs of the network."""
    outputs = tuple(
        Output(f"{step.name}[{i}]", Ref(step.name, i), step.span)
        for step in plan.network.steps
        for i in range(len(step.outputs or ()))
    )
    return replace(plan, network=replace(plan.network, outputs=outputs))
