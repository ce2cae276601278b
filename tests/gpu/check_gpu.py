"""What only a GPU can show: run this wherever one is at hand.

    python tests/gpu/check_gpu.py [--json FILE] [--epochs N] [--examples N] [--try-on-cpu]

Every training is a process of its own, as a user's would be. `--try-on-cpu` lets the CPU stand in for the GPU, to try
the script itself. The exit status is 1 when something is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES, EPOCHS = 20_000, 3
FEW = 600
"""Examples for a CPU, which takes minutes for thousands of them in float16."""
CLASSES = 10

HEAD = """
specc: 1
name: {name}
seed: 5
dataset:
  source: {{npz: {data}}}
  inputs: {{x: {inputs}}}
  targets: {{y: {{type: category, classes: 10}}}}
  split: {{test: 0.2}}
  batch_size: 256
model:
  layers:
{layers}
training: {{loss: sparse_categorical_crossentropy, optimizer: adam, metrics: [accuracy]}}
runtime: {{deterministic: true}}
"""

NETWORKS = {
    "mlp": (
        "{type: tensor, shape: [32, 32, 3]}",
        ["Flatten", "Dense: {units: 256, activation: relu}", "Dropout: 0.2"],
    ),
    "cnn": (
        "{type: tensor, shape: [32, 32, 3]}",
        [
            "Conv2D: {filters: 64, kernel_size: 3, padding: same, use_bias: false}",
            "BatchNormalization",
            "ReLU",
            "MaxPooling2D: 2",
            "Conv2D: {filters: 128, kernel_size: 3, padding: same, activation: relu}",
            "GlobalAveragePooling2D",
        ],
    ),
    "lstm": (
        "{type: tensor, shape: [32, 96]}",
        ["LSTM: 128"],
    ),
    "attention": (
        "{type: tensor, shape: [32, 96]}",
        [
            "{MultiHeadAttention: {num_heads: 4, key_dim: 24}, name: heads}",
            "LayerNormalization",
            "GlobalAveragePooling1D",
        ],
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What one training came to."""

    network: str
    devices: list[str]
    settings: dict[str, Any]
    loss: float
    accuracy: float
    examples_per_second: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write every outcome there as well")
    parser.add_argument("--epochs", type=int, help="3, or 1 where the CPU stands in")
    parser.add_argument("--examples", type=int, help="20,000, or 600 where the CPU stands in")
    parser.add_argument("--try-on-cpu", action="store_true", help="let the CPU stand in for the GPU")
    asked = parser.parse_args()
    asked.epochs = asked.epochs or (1 if asked.try_on_cpu else EPOCHS)
    asked.examples = asked.examples or (FEW if asked.try_on_cpu else EXAMPLES)
    found = devices()
    if not found and not asked.try_on_cpu:
        print("skipped: TensorFlow finds no GPU on this machine, and nothing was checked")
        return 0
    print("\n".join(found) or "no GPU: the CPU stands in for it")
    outcomes, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, outcome, fault in checks(Path(folder), asked, len(found)):
            outcomes.append(outcome)
            print(
                f"{name:<38} loss {outcome.loss:8.5f}  accuracy {outcome.accuracy:.4f}  "
                f"{outcome.examples_per_second:12,.0f} examples/s  {fault}".rstrip(),
                flush=True,
            )
            if fault:
                faults.append(f"{name}: {fault}")
    if asked.json:
        told = {"devices": found, "outcomes": [asdict(outcome) for outcome in outcomes], "faults": faults}
        asked.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print("\n".join(["", *faults]) if faults else "\nall as it should be")
    return 1 if faults else 0


def devices() -> list[str]:
    """The GPUs with their names, asked for in a process of its own: this one has none of their memory."""
    program = (
        "import tensorflow as tf\n"
        "for gpu in tf.config.list_physical_devices('GPU'):\n"
        "    print(gpu.name.rpartition(':')[2], tf.config.experimental.get_device_details(gpu).get('device_name'))"
    )
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=quiet())
    return [f"gpu:{line}" for line in listed.stdout.splitlines()]


def checks(folder: Path, asked: argparse.Namespace, gpus: int) -> Iterator[tuple[str, Outcome, str]]:
    """Every training, with its name and what is wrong with what it came to."""
    gpu = "cpu" if asked.try_on_cpu else "gpu"
    for network in NETWORKS:
        spec = write(folder, network, asked.examples)
        one = train(spec, asked.epochs, {"strategy": "cpu"})
        yield f"{network}: CPU", one, ""
        other = train(spec, asked.epochs, {"strategy": gpu})
        yield f"{network}: GPU", other, apart(one, other, 2e-2, 0.02)
        again = train(spec, asked.epochs, {"strategy": gpu})
        same = (again.loss, again.accuracy) == (other.loss, other.accuracy)
        yield f"{network}: GPU, the same again", again, "" if same else "deterministic, and not the same bits"
        if gpus > 1:
            mirrored = train(spec, asked.epochs, {"strategy": "mirrored"})
            yield f"{network}: {gpus} GPUs", mirrored, apart(one, mirrored, 2e-2, 0.02)
        fast = train(spec, asked.epochs, {"strategy": gpu, "deterministic": False})
        yield f"{network}: GPU, in any order", fast, apart(one, fast, 2e-2, 0.02)
        for precision in ("mixed_float16", "mixed_bfloat16"):
            settings = {"strategy": gpu, "deterministic": False, "precision": precision}
            mixed = train(spec, asked.epochs, settings)
            # The few steps of a trial teach nothing that could be compared.
            worse = not asked.try_on_cpu and fast.accuracy - mixed.accuracy > 0.005
            yield f"{network}: {precision}", mixed, "more than 0.5 points worse than float32" if worse else ""


def apart(one: Outcome, other: Outcome, loss: float, accuracy: float) -> str:
    """What is wrong where two trainings should have come to nearly the same.

    Sums in another order part ways a little more with every step, so this is no matter of rounding.
    """
    if abs(one.loss - other.loss) > loss * max(1.0, abs(one.loss)):
        return f"the loss is {other.loss:.5f}, and on the CPU {one.loss:.5f}"
    if abs(one.accuracy - other.accuracy) > accuracy:
        return f"the accuracy is {other.accuracy:.4f}, and on the CPU {one.accuracy:.4f}"
    return ""


def write(folder: Path, network: str, examples: int) -> Path:
    """The spec of a network and data that it can learn: noise around a centre for each class."""
    inputs, layers = NETWORKS[network]
    rng = np.random.default_rng(3)
    y = rng.integers(0, CLASSES, examples)
    shape = (32, 32, 3) if "[32, 32, 3]" in inputs else (32, 96)
    centres = rng.normal(size=(CLASSES, *shape)).astype("float32") * 0.1
    data = folder / f"{network}.npz"
    np.savez(data, x=centres[y] + rng.normal(size=(examples, *shape)).astype("float32"), y=y.astype("int32"))
    lines = "\n".join(f"    - {layer}" for layer in [*layers, "Dense: {units: 10, activation: softmax}"])
    spec = folder / f"{network}.yaml"
    spec.write_text(HEAD.format(name=network, data=data, inputs=inputs, layers=lines), encoding="utf-8")
    return spec


def train(spec: Path, epochs: int, settings: dict[str, Any]) -> Outcome:
    """`specc run`, with values of `runtime` set."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        sets = {"training.epochs": epochs} | {f"runtime.{name}": value for name, value in settings.items()}
        words = [word for name, value in sets.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        command = [sys.executable, "-m", "specc", "run", str(spec), "--out", str(out), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=quiet())
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["test"]
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return Outcome(
        spec.stem,
        manifest["strategy"]["devices"],
        settings,
        metrics["loss"],
        metrics["accuracy"],
        manifest["examples_per_second"],
    )


def quiet() -> dict[str, str]:
    """The environment, with TensorFlow quiet and float32 that is float32: no TF32."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "NVIDIA_TF32_OVERRIDE": "0"}


if __name__ == "__main__":
    sys.exit(main())
