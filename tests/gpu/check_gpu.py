"""What only a GPU can show: run this wherever one is at hand.

    python tests/gpu/check_gpu.py [--json FILE] [--jobs N] [--epochs N] [--examples N] [--try-on-cpu] [NETWORK…]

Every training is a process of its own, as a user's would be; `--jobs` has several of them side by side, which is
faster, and tells less of speed. `--try-on-cpu` lets the CPU stand in for the GPU, to try the script itself. The exit
status is 1 when something is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from specc import driver
from specc.diagnostics import Log
from specc.memory import memory
from specc.tensors import PRECISIONS

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

DRAWN = "recurrent_initializer: glorot_uniform"
"""An orthogonal matrix, Keras's own choice, cannot be drawn in bfloat16."""

NETWORKS = {
    "mlp": (
        "{type: tensor, shape: [32, 32, 3]}",
        ["Flatten", "Dense: {units: 256, activation: relu}", "Dropout: 0.2"],
    ),
    "cnn": (
        "{type: tensor, shape: [32, 32, 3]}",
        [
            "Conv2D: {filters: 32, kernel_size: 3, padding: same, use_bias: false}",
            "BatchNormalization: {momentum: 0.9}",
            "ReLU",
            "MaxPooling2D: 2",
            "Conv2D: {filters: 64, kernel_size: 3, padding: same, activation: relu}",
            "AveragePooling2D: 4",
            "Flatten",
        ],
    ),
    "lstm": (
        "{type: tensor, shape: [32, 96]}",
        [f"LSTM: {{units: 128, {DRAWN}}}"],
    ),
    "masks": (
        "{type: tensor, shape: [12], dtype: int32}",
        [
            "Embedding: {input_dim: 100, output_dim: 32, mask_zero: true}",
            f"Bidirectional: {{layer: {{LSTM: {{units: 32, return_sequences: true, {DRAWN}}}}}}}",
            f"GRU: {{units: 64, return_sequences: true, {DRAWN}}}",
            "{GlobalMaxPooling1D: {}, name: whole}",
        ],
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


TOO_MUCH = "{Dense: {units: 256, activation: tanh}, repeat: 60}"
"""Of a batch of 8,000 pictures each layer makes 8 GB, which is what kernels on a GPU can count, and all are kept."""

SPECC = ("-m", "specc")

Array = np.ndarray[Any, Any]

HALVES = """
import runpy
import tensorflow as tf

gpu = tf.config.list_physical_devices("GPU")[0]
tf.config.set_logical_device_configuration(gpu, [tf.config.LogicalDeviceConfiguration(memory_limit=4096)] * 2)
runpy.run_module("specc", run_name="__main__", alter_sys=True)
"""
"""What makes two GPUs of one, before specc begins: replicas on GPUs, wherever there is a single one."""


@dataclass(frozen=True)
class Training:
    """One network under some values of `runtime`; what it came to is held against the training called `beside`.

    What is `exported` is loaded by specc in a process without a GPU, and refused where it answers otherwise there.
    With `halves` the first GPU is divided into `gpu:0` and `gpu:1`.
    """

    network: str
    name: str
    runtime: dict[str, Any]
    beside: str | None = None
    same_bits: bool = False
    half: bool = False
    exported: bool = False
    halves: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one training came to; `gpu_memory` are the most bytes that tensors took, and `foretold` what specc says."""

    network: str
    name: str
    devices: list[str]
    xla: bool
    loss: float
    accuracy: float
    examples_per_second: float
    gpu_memory: int | None
    foretold: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"{', '.join(NETWORKS)}; left out, all of them")
    parser.add_argument("--json", type=Path, help="write every outcome there as well")
    parser.add_argument("--jobs", type=int, default=1, help="so many trainings side by side (1)")
    parser.add_argument("--epochs", type=int, help="3, or 1 where the CPU stands in")
    parser.add_argument("--examples", type=int, help="20,000, or 600 where the CPU stands in")
    parser.add_argument("--try-on-cpu", action="store_true", help="let the CPU stand in for the GPU")
    asked = parser.parse_args()
    if wrong := [name for name in asked.networks if name not in NETWORKS]:
        parser.error(f"no network is called {', '.join(wrong)}; there are {', '.join(NETWORKS)}")
    asked.epochs = asked.epochs or (1 if asked.try_on_cpu else EPOCHS)
    asked.examples = asked.examples or (FEW if asked.try_on_cpu else EXAMPLES)
    found = devices()
    if not found and not asked.try_on_cpu:
        print("skipped: TensorFlow finds no GPU on this machine, and nothing was checked")
        return 0
    print("\n".join(found) or "no GPU: the CPU stands in for it")
    outcomes: list[Outcome] = []
    faults = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        stopped = pool.submit(interrupted, Path(folder) / "stopped", "cpu" if asked.try_on_cpu else "gpu")
        for training, outcome, fault in checks(Path(folder), asked, pool):
            title = f"{training.network}: {training.name}"
            if isinstance(outcome, str):
                print(f"{title}: {outcome}", flush=True)
                faults.append(f"{title}: {outcome.splitlines()[0]}")
                continue
            outcomes.append(outcome)
            held = f"{outcome.gpu_memory / 1e6:7,.0f} MB of GPU" if outcome.gpu_memory else ""
            print(
                f"{title:<34} loss {outcome.loss:8.5f}  accuracy {outcome.accuracy:.4f}"
                f"  {outcome.examples_per_second:11,.0f} examples/s  {'XLA' if outcome.xla else '   '}  {held}"
                f"  {fault}".rstrip(),
                flush=True,
            )
            if fault:
                faults.append(f"{title}: {fault}")
        others = [stopped.result(), "" if asked.try_on_cpu else too_much(Path(folder))]
        faults += [fault for fault in others if fault]
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


def trainings(network: str, *, on_cpu: bool) -> list[Training]:
    """Every training of a network. `on_cpu`: the CPU stands in for the GPU."""
    gpu: dict[str, Any] = {"strategy": "cpu" if on_cpu else "gpu"}
    all_gpus = {"strategy": {"mirrored": {"devices": ["cpu:0", "cpu:1"]}} if on_cpu else "mirrored"}
    halves = {"strategy": {"mirrored": {"devices": ["gpu:0", "gpu:1"]}}}
    free = gpu | {"deterministic": False}

    def beside(name: str) -> str | None:
        # The few steps on a CPU teach nothing that could be compared where other numbers are drawn or rounded.
        return None if on_cpu else name

    return [
        Training(network, "CPU", {"strategy": "cpu"}),
        Training(network, "GPU", gpu, "CPU"),
        Training(network, "GPU, again", gpu, "GPU", same_bits=True),
        Training(network, "mirrored", all_gpus, "CPU"),
        *([] if on_cpu else [Training(network, "mirrored, on halves", halves, "CPU", halves=True)]),
        Training(network, "GPU, in any order", free, "CPU", exported=True),
        # A short run does not try XLA by itself. Of cuDNN's LSTM it has no kernel.
        *(
            []
            if network in ("lstm", "masks")
            else [Training(network, "GPU, with XLA", free | {"xla": True}, beside("CPU"))]
        ),
        *(
            Training(network, precision, free | {"precision": precision}, beside("GPU"), half=True)
            for precision in PRECISIONS[1:]
        ),
    ]


def checks(folder: Path, asked: argparse.Namespace, pool: Executor) -> Iterator[tuple[Training, Outcome | str, str]]:
    """Every training, and what is wrong with what it came to."""
    networks = asked.networks or list(NETWORKS)
    specs = {network: write(folder, network, asked.examples) for network in networks}
    wanted = [training for network in networks for training in trainings(network, on_cpu=asked.try_on_cpu)]
    came: dict[tuple[str, str], Outcome] = {}
    done = pool.map(lambda training: train(specs[training.network], training, asked.epochs), wanted)
    for training, outcome in zip(wanted, done, strict=True):
        if isinstance(outcome, Outcome):
            came[training.network, training.name] = outcome
        beside = came.get((training.network, training.beside)) if training.beside else None
        yield training, outcome, "" if isinstance(outcome, str) else wrong(training, outcome, beside)


def wrong(training: Training, outcome: Outcome, beside: Outcome | None) -> str:
    """What is wrong with what a training came to, by itself and beside another."""
    if outcome.devices == ["cpu:0"] and outcome.gpu_memory is not None:
        return "the CPU was to train, and TensorFlow took the GPU as well"
    if beside is None:
        return ""
    if training.same_bits:
        same = (outcome.loss, outcome.accuracy) == (beside.loss, beside.accuracy)
        return "" if same else "deterministic, and not the same bits"
    if training.half:
        return "more than 0.5 points worse than float32" if beside.accuracy - outcome.accuracy > 0.005 else ""
    return apart(beside, outcome)


def interrupted(folder: Path, strategy: str) -> str:
    """What is wrong with a deterministic run that is stopped, and goes on."""
    folder.mkdir()
    spec = write(folder, "cnn", 2_000)
    sets = {"training.epochs": 30, "runtime.strategy": strategy}
    whole, parted = folder / "whole", folder / "parted"
    first = specc(spec, whole, sets)
    with subprocess.Popen(command(spec, parted, sets), stderr=subprocess.PIPE, text=True, env=quiet()) as process:
        while process.poll() is None and not (parted / "history.csv").exists():
            time.sleep(0.01)
        process.terminate()
        told = process.communicate()[1]
    second = specc(spec, parted, sets, "--resume")
    if first.returncode or second.returncode or process.returncode != 143:
        return f"stopped with status {process.returncode}, resumed with {second.returncode}\n{told}\n{second.stderr}"
    one, other = ((run / "metrics.json").read_text(encoding="utf-8") for run in (whole, parted))
    print(f"stopped and resumed: {'the same bits' if one == other else 'other metrics'}")
    return "" if one == other else f"a run that was stopped came to {other}, and in one go to {one}"


def too_much(folder: Path) -> str:
    """What is wrong with how a run ends that takes more memory than the GPU has."""
    spec = write(folder, "cnn", 10_000)
    text = spec.read_text(encoding="utf-8").replace("batch_size: 256", "batch_size: 8000")
    first = next(line for line in text.splitlines() if "Conv2D" in line)
    spec.write_text(text.replace(first, f"    - {TOO_MUCH}"), encoding="utf-8")
    done = specc(spec, folder / "too-much", {"training.epochs": 1})
    print(done.stderr[-1500:])
    if done.returncode == 1 and "S604 error" in done.stderr and "is the largest that fits" in done.stderr:
        return ""
    return f"memory ran out, and the run ended with status {done.returncode} and without S604"


def apart(one: Outcome, other: Outcome) -> str:
    """What is wrong where two trainings should have come to nearly the same.

    Sums in another order part ways a little more with every step, so this is no matter of rounding.
    """
    if abs(one.loss - other.loss) > 0.005 + 0.02 * abs(one.loss):
        return f"the loss is {other.loss:.5f}, and on the CPU {one.loss:.5f}"
    if abs(one.accuracy - other.accuracy) > 0.02:
        return f"the accuracy is {other.accuracy:.4f}, and on the CPU {one.accuracy:.4f}"
    return ""


def write(folder: Path, network: str, examples: int) -> Path:
    """The spec of a network and data that it can learn: where little is learnt, half a point is chance."""
    inputs, layers = NETWORKS[network]
    rng = np.random.default_rng(3)
    y = rng.integers(0, CLASSES, examples)
    x = words(rng, y) if network == "masks" else pictures(rng, y, (4, 4, 3) if "[32, 32, 3]" in inputs else (1, 96))
    data = folder / f"{network}.npz"
    np.savez(data, x=x, y=y.astype("int32"))
    lines = "\n".join(f"    - {layer}" for layer in [*layers, "Dense: {units: 10, activation: softmax}"])
    spec = folder / f"{network}.yaml"
    spec.write_text(HEAD.format(name=network, data=data, inputs=inputs, layers=lines), encoding="utf-8")
    return spec


def pictures(rng: np.random.Generator, y: Array, squares: tuple[int, ...]) -> Array:
    """Noise around a centre for each class, which is of one colour in each of sixteen squares of a picture, and the
    same at all times of a sequence, so that what pools sees it as well.
    """
    wide, high = (8, 8) if len(squares) == 3 else (32, 1)
    centres = 0.15 * rng.normal(size=(CLASSES, *squares)).astype("float32").repeat(wide, 1).repeat(high, 2)
    return centres[y] + rng.normal(size=(len(y), *centres.shape[1:])).astype("float32")


def words(rng: np.random.Generator, y: Array) -> Array:
    """Words, from 1 to 99, of which six in seven are one of nine of their class; 0 pads at the end.

    One text in fifty has no words at all, and one in a thousand is padded in front: cuDNN can do neither.
    """
    own = 1 + CLASSES * rng.integers(0, 9, (len(y), 12)) + y[:, None]
    x = np.where(rng.random(own.shape) < 0.85, own, rng.integers(1, 100, own.shape))
    lengths = np.where(rng.random(len(y)) < 0.02, 0, rng.integers(4, 13, len(y)))
    x = np.where(np.arange(12) < lengths[:, None], x, 0)
    front = rng.random(len(y)) < 0.001
    x[front] = x[front, ::-1]
    return x.astype("int32")


def train(spec: Path, training: Training, epochs: int) -> Outcome | str:
    """`specc run`, with values of `runtime` set; what it said where it failed."""
    sets = {"training.epochs": epochs} | {f"runtime.{name}": value for name, value in training.runtime.items()}
    sets |= {"export": ["saved_model"]} if training.exported else {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        done = specc(spec, out, sets, program=("-c", HALVES) if training.halves else SPECC)
        if done.returncode:
            return f"ended with status {done.returncode}: {done.stderr[-1200:]}"
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["test"]
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        log = Log()
        foretold = memory(driver.check(driver.open_spec(out / "spec.yaml", log), log)).training
    return Outcome(
        spec.stem,
        training.name,
        manifest["strategy"]["devices"],
        manifest["xla"],
        metrics["loss"],
        metrics["accuracy"],
        manifest["examples_per_second"],
        manifest["peak_memory"].get("gpu"),
        foretold,
    )


def command(spec: Path, out: Path, sets: dict[str, Any], *more: str, program: Sequence[str] = SPECC) -> list[str]:
    words = [word for name, value in sets.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    return [sys.executable, *program, "run", str(spec), "--out", str(out), *words, *more]


def specc(
    spec: Path, out: Path, sets: dict[str, Any], *more: str, program: Sequence[str] = SPECC
) -> subprocess.CompletedProcess[str]:
    """`specc run`, ended."""
    return subprocess.run(command(spec, out, sets, *more, program=program), capture_output=True, text=True, env=quiet())


def quiet() -> dict[str, str]:
    """The environment, with TensorFlow quiet, float32 that is float32 (no TF32), and a GPU that is shared.

    On a CPU oneDNN has no more than a reference of some gradients in float16.
    """
    wanted = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    return {**os.environ, **wanted, "NVIDIA_TF32_OVERRIDE": "0", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


if __name__ == "__main__":
    sys.exit(main())
