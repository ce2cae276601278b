"""The memory that is foretold is what TensorFlow asks for, in training and in inference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from specc import driver
from specc.diagnostics import Log
from specc.memory import memory
from specc.tree import Source

ROOT = Path(__file__).parents[2]
SPEC = """
specc: 1
params: {batch: 64}
dataset:
  source: {random: {examples: 128}}
  inputs: {series: {type: tensor, shape: [128, 128]}}
  targets: {kind: {type: category, classes: 4}}
  batch_size: "${batch}"
model:
  layers:
LAYERS
    - GlobalAveragePooling1D
    - Dense: {units: 4, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, metrics: [accuracy]}
"""
OPS = (
    *("abs", "celu", "gelu", "hard_shrink", "hard_swish", "hard_tanh", "log", "log_softmax", "silu", "softplus"),
    *("softsign", "sparse_plus", "sparsemax", "squareplus", "tanh_shrink"),
)
LAYERS = {
    "heads": "MultiHeadAttention: {num_heads: 4, key_dim: 32}",
    "few wide heads": "MultiHeadAttention: {num_heads: 1, key_dim: 256}",
    "grouped": "GroupQueryAttention: {num_query_heads: 4, num_key_value_heads: 2, head_dim: 32}",
    "attention": "layers: [{Dense: 32}, Attention]",
    "additive": "layers: [{Dense: 8}, AdditiveAttention]",
    "normalized": "layers: [{Dense: 512}, LayerNormalization]",
    "gelu": "Dense: {units: 512, activation: gelu}",
    "gelu apart": "layers: [{Dense: 512}, {Activation: gelu}]",
    "silu": "Dense: {units: 512, activation: silu}",
    "relu": "Dense: {units: 512, activation: relu}",
    "prelu": "layers: [{Dense: 512}, PReLU]",
    "four gelus": "layers: [{layers: [{Dense: 512}, ops.gelu], repeat: 4}]",
    "four soft shrinks": "layers: [{layers: [{Dense: 512}, ops.soft_shrink], repeat: 4}]",
    "exact gelu": "layers: [{Dense: 512}, {ops.gelu: {approximate: false}}]",
    **{f"{name}, an op": f"layers: [{{Dense: 512}}, ops.{name}]" for name in OPS},
    **{f"{name} of a layer": f"Dense: {{units: 512, activation: {name}}}" for name in ("celu", "hard_swish", "mish")},
}
PROGRAM = """
import json, sys
from pathlib import Path
from memory import measure
print(json.dumps({path.stem: measure(path, 64, "float32") for path in sorted(Path(sys.argv[1]).glob("*.yaml"))}))
"""


@pytest.mark.slow
def test_it_is_within_a_fifth(tmp_path: Path) -> None:
    for name, layer in LAYERS.items():
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace("LAYERS", f"    - {layer}"), encoding="utf-8")
    # Only the allocator for GPUs tells of each tensor, and it is asked for before TensorFlow is loaded.
    counting = {"TF_CPU_ALLOCATOR_USE_BFC": "1", "TF_CPU_BFC_MEM_LIMIT_IN_MB": "65536", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, **counting, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    measured = json.loads(done.stdout.splitlines()[-1])
    ratios = {}
    for path in tmp_path.glob("*.yaml"):
        found = memory(driver.check(Source(str(path), path.read_text(encoding="utf-8")), Log()))
        for what in ("training", "inference"):
            ratios[path.stem, what] = getattr(found, what) / measured[path.stem][what]
    assert len(ratios) == 2 * len(LAYERS)
    assert {which: ratio for which, ratio in ratios.items() if not 0.8 <= ratio <= 1.2} == {}
