"""The memory that `specc summary` foretells, beside what TensorFlow allocates when the same spec is trained.

usage: memory.py [PRECISION | SPEC BATCH PRECISION]

Without a spec every one of `networks/` is tried at two batch sizes, each in a process of its own, and a table is
printed. With three, one spec is trained for a few steps in this process, and what it took is printed as JSON.

Counted is every tensor that TensorFlow asks memory for and gives back, as its profiler tells it: on a CPU it does so
when the allocator for GPUs is asked for. What Python, the libraries and compiled graphs take is left out, and what the
allocator rounds up: they have nothing to do with the spec. So are batches that a pipeline prepares ahead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from specc import driver
from specc.diagnostics import Log
from specc.memory import memory
from specc.tensors import PRECISIONS
from specc.tree import Source

HERE = Path(__file__).parent
ALLOCATOR = {"TF_CPU_ALLOCATOR_USE_BFC": "1", "TF_CPU_BFC_MEM_LIMIT_IN_MB": "65536", "TF_CPP_MIN_LOG_LEVEL": "3"}
WAY = {"MemoryAllocation": 1, "MemoryDeallocation": -1}
"""What the profiler calls the two ways of a tensor's memory."""
BATCHES = {
    "cnn": (64, 256),
    "embedding": (512, 4096),
    "lstm": (128, 512),
    "mlp": (256, 4096),
    "resnet": (64, 256),
    "transformer": (32, 128),
}
STEPS = 3


def foretold(spec: Path, batch: int, precision: str) -> dict[str, int]:
    """The bytes that a summary tells of: `{"weights", "slots", "training", "inference"}`."""
    log = Log()
    found = memory(driver.check(opened(spec, batch, precision, log), log))
    return {name: getattr(found, name) for name in ("weights", "slots", "training", "inference")}


def opened(spec: Path, batch: int, precision: str, log: Log) -> Source:
    return driver.open_spec(spec, log, params={"batch": batch}, sets={"runtime.precision": precision})


def measured(spec: Path, batch: int, precision: str) -> dict[str, int]:
    """The same as TensorFlow counts it, in a fresh process."""
    command = [sys.executable, __file__, str(spec), str(batch), precision]
    out = subprocess.run(command, env={**os.environ, **ALLOCATOR}, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(out.stdout.splitlines()[-1])
    return found


def measure(spec: Path, batch: int, precision: str) -> dict[str, int]:
    """Evaluate and then train for a few steps, here. The environment must ask for the allocator that counts."""
    import tensorflow as tf

    from specc.backend.network import build
    from specc.backend.objective import compile_model
    from specc.backend.training.steps import Steps

    log = Log()
    plan = driver.check(opened(spec, batch, precision, log), log)
    if plan.dataset is None:
        raise SystemExit(f"{spec} has no dataset")
    model = build(plan, log)
    steps = Steps(tf.distribute.get_strategy(), model, compile_model(model, plan, log), log)
    groups = [{f.name: f.feature.tensor() for f in fields} for fields in (plan.dataset.inputs, plan.dataset.targets)]

    def batches(size: int) -> tf.data.Dataset:
        """Batches without end, each made anew as a pipeline does; how large they are, their shape does not tell."""
        rows = tf.constant(size)

        def zeros(_: Any) -> tuple[dict[str, Any], ...]:
            return tuple(
                {n: tf.zeros(tf.stack([rows, *(t.shape or ())[1:]]), t.dtype) for n, t in g.items()} for g in groups
            )

        none_ahead = tf.data.Options()
        none_ahead.autotune.enabled = False
        return tf.data.Dataset.range(1).repeat().map(zeros).with_options(none_ahead)

    def peak(function: Any) -> int:
        function(steps.feed(lambda cut: batches(2)), tf.constant(1), steps.nothing())
        variables = [*model.variables, *(steps.objective.optimizer.variables if function is steps.train else ())]
        feed = steps.feed(lambda cut: batches(batch))
        with TemporaryDirectory() as folder:
            with tf.profiler.experimental.Profile(folder):
                function(feed, tf.constant(STEPS), steps.nothing())
            return size(variables) + most_held(Path(folder))

    def size(variables: list[Any]) -> int:
        return sum(v.value.dtype.size * int(tf.size(v.value)) for v in variables)

    return {
        "inference": peak(steps.evaluate),
        "training": peak(steps.train),
        "weights": size(model.variables),
        "slots": size(steps.objective.optimizer.variables),
    }


def most_held(profile: Path) -> int:
    """The bytes that were held by tensors at most, beyond those at the beginning."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (file,) = profile.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(file.read_bytes())
    changes = []
    for plane in space.planes:
        what = {number: WAY.get(meta.name, 0) for number, meta in plane.event_metadata.items()}
        requested = next((n for n, meta in plane.stat_metadata.items() if meta.name == "requested_bytes"), None)
        for line in plane.lines:
            for event in line.events:
                if way := what[event.metadata_id]:
                    count = next(stat.int64_value for stat in event.stats if stat.metadata_id == requested)
                    changes.append((line.timestamp_ns * 1000 + event.offset_ps, way * count))
    peak: int = max(accumulate(change for _, change in sorted(changes)))
    return peak


def main() -> None:
    """Print the table in float32, or in the precision that is given."""
    precision = sys.argv[1] if len(sys.argv) == 2 else PRECISIONS[0]
    print("| network | batch | training: foretold | measured | ratio | inference: foretold | measured | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, batches in BATCHES.items():
        spec = HERE / "networks" / f"{name}.yaml"
        for batch in batches:
            one, other = foretold(spec, batch, precision), measured(spec, batch, precision)
            cells = [
                f"{one[what] / 1e6:,.0f} MB | {other[what] / 1e6:,.0f} MB | {one[what] / other[what]:.2f}"
                for what in ("training", "inference")
            ]
            print(f"| {name} | {batch:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
    else:
        main()
