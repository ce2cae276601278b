"""`specc validate` beside what it spares: importing TensorFlow, and building the same network in Keras.

usage: checking.py [RUNS]

Whole processes, in turn, medians, by the clock and of the processor: the second is what counts where others use the
machine too. What is wanted: one spec of 50 layers in at most 1/12 of `import tensorflow`; 1,000 specs of 30 layers in
at most 6 ms each; 10,000 steps in time linear in the steps.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

HERE = Path(__file__).parent
SPECC = [sys.executable, "-m", "specc", "validate"]

TENSORFLOW = "import tensorflow"
BUILT = "the 50 layers built in Keras"
ONE = "specc validate, 50 layers"
MANY = "specc validate, 1,000 specs of 30 layers"
LONG = "specc validate, 10,000 steps"
TWICE = "specc validate, 20,000 steps"

KERAS = """
import keras
x = inputs = keras.Input((32, 32, 3))
for _ in range(16):
    x = keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
x = keras.layers.GlobalAveragePooling2D()(x)
keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
"""
"""The network of `spec(50)`, by hand."""


def spec(layers: int) -> str:
    """A convolutional network of that many layers."""
    block = [
        "    - Conv2D: {filters: 16, kernel_size: 3, padding: same, use_bias: false}",
        "    - BatchNormalization",
        "    - ReLU",
    ]
    head = ["    - GlobalAveragePooling2D", "    - Dense: {units: 10, activation: softmax}"]
    lines = ["specc: 1", "model:", "  inputs: {image: {shape: [32, 32, 3]}}", "  layers:"]
    return "\n".join([*lines, *(block * layers)[: layers - 2], *head, ""])


def seconds(command: Sequence[str | Path]) -> tuple[float, float]:
    """How long a whole process takes, by the clock and of the processor. Bytecode is kept, as where it is installed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"}, check=True, capture_output=True)
    clock, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(runs: int = 5) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fifty.yaml").write_text(spec(50))
        many = folder / "many"
        many.mkdir()
        for i in range(1000):
            (many / f"{i}.yaml").write_text(spec(30))
        for steps in (10_000, 20_000):
            (folder / f"{steps}.yaml").write_text(spec(steps))
        commands: dict[str, list[str | Path]] = {
            TENSORFLOW: [sys.executable, "-c", "import tensorflow"],
            BUILT: [sys.executable, "-c", KERAS],
            ONE: [*SPECC, folder / "fifty.yaml"],
            MANY: [*SPECC, many],
            LONG: [*SPECC, folder / "10000.yaml"],
            TWICE: [*SPECC, folder / "20000.yaml"],
        }
        for command in commands.values():
            seconds(command)  # The first time reads files that are then in memory.
        taken: dict[str, list[tuple[float, float]]] = {title: [] for title in commands}
        for _ in range(runs):
            for title, command in commands.items():
                taken[title].append(seconds(command))
    print(f"{'':<42} {'clock':>9} {'processor':>11}")
    median = {}
    for title, times in taken.items():
        clock, processor = (statistics.median(each) for each in zip(*times, strict=True))
        median[title] = processor
        print(f"{title:<42} {clock:7.3f} s {processor:9.3f} s")
    print("\nOf the processor's time:")
    print(f"import tensorflow ÷ one spec: {median[TENSORFLOW] / median[ONE]:.1f} (at least 12 is wanted)")
    print(f"built in Keras ÷ one spec: {median[BUILT] / median[ONE]:.1f}")
    print(f"a spec among 1,000: {median[MANY]:.1f} ms (at most 6 is wanted)")
    print(f"20,000 steps ÷ 10,000 steps: {median[TWICE] / median[LONG]:.2f} (2 is linear)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
