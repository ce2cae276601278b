"""Training from Parquet that is eight times larger than the memory that may be used for it.

usage: beyond_memory.py [MEGABYTES]           the limit (512); prints a table
       beyond_memory.py MEGABYTES SPEC OUT    one run under the limit, in this process; prints JSON

What is limited is what the process takes once TensorFlow is loaded and has trained on a few made-up rows: it enters a
control group with that limit, beyond which the kernel takes back what it keeps of files, and then ends the process.
Making one takes root, most often. (`RLIMIT_DATA` would not do: it counts what threads and allocators set aside and
never use.) What is resident is printed beside, with mapped files and without.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

COLUMNS = 128
TIMES = 8
NO_GROUPS = "no control group can be made here: run it as root"
ROWS = 2**16
"""Rows of one group of the Parquet file, and so many more rows are made at a time."""

SPEC = """
specc: 1
dataset:
  source: {{{source}}}
  inputs: {{{inputs}}}
  targets: {{y: {{type: binary}}}}
  split: {{validation: 0.05, test: 0.05}}
  batch_size: 1024
model:
  layers:
    - Concatenate:
      inputs: [{names}]
    - Dense: {{units: 32, activation: relu}}
    - Dense: {{units: 1, activation: sigmoid}}
training: {{loss: binary_crossentropy, optimizer: adam, metrics: [accuracy], epochs: 1}}
"""


def spec(source: str) -> str:
    """A table of numbers, each scaled, and a small network."""
    names = [f"n{i}" for i in range(COLUMNS)]
    inputs = ", ".join(f"{name}: {{type: number, scale: standard}}" for name in names)
    return SPEC.format(source=source, inputs=inputs, names=", ".join(names))


def make(folder: Path, size: int) -> int:
    """Write a table of so many bytes, of numbers that cannot be packed; its rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    generator = np.random.default_rng(0)
    names = [f"n{i}" for i in range(COLUMNS)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.int8())])
    rows = 0
    path = folder / "table.parquet"
    with pa.parquet.ParquetWriter(path, schema, use_dictionary=False, compression="none") as file:
        while path.stat().st_size < size:
            numbers = generator.standard_normal((COLUMNS, ROWS), dtype=np.float32)
            target = (numbers[0] + numbers[1] > 0).astype(np.int8)
            file.write_table(pa.table([*numbers, target], schema))
            rows += ROWS
    return rows


def status(name: str) -> int:
    """Bytes of a line of what the kernel tells of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(name)


def confine(limit: int) -> None:
    """From here on this process gets no more than so many bytes; what it held before does not count."""
    for top, name in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")):
        group = top / f"specc-{os.getpid()}"
        try:
            group.mkdir()
            (group / name).write_text(str(limit))
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            continue
        atexit.register(leave, group)
        return
    raise SystemExit(NO_GROUPS)


def leave(group: Path) -> None:
    (group.parent / "cgroup.procs").write_text(str(os.getpid()))
    group.rmdir()


class Watch(threading.Thread):
    """The largest value of some lines of what the kernel tells of this process, looked at every 10 ms."""

    def __init__(self, *names: str) -> None:
        super().__init__(daemon=True)
        self.peaks = dict.fromkeys(names, 0)

    def run(self) -> None:
        while True:
            for name, peak in self.peaks.items():
                self.peaks[name] = max(peak, status(name))
            time.sleep(0.01)


def measure(limit: int, path: Path, out: Path) -> dict[str, float]:
    """One run within so many bytes, here."""
    import specc

    warm = path.with_name("warm.yaml")
    warm.write_text(spec("random: {examples: 4096}"), encoding="utf-8")
    specc.run(warm, out=out.with_name("warm"))
    before = {name: status(name) for name in ("RssAnon", "VmRSS")}
    confine(limit)
    watch = Watch(*before)
    watch.start()
    began = time.perf_counter()
    run = specc.run(path, out=out)
    taken = {name: (watch.peaks[name] - before[name]) / 2**20 for name in before}
    return {**taken, "seconds": time.perf_counter() - began, "accuracy": run.metrics["test"]["accuracy"]}


def limited(megabytes: int, folder: Path) -> dict[str, Any]:
    """The data, and a run over it in a process of its own."""
    rows = make(folder, TIMES * megabytes * 2**20)
    path = folder / "spec.yaml"
    path.write_text(spec("parquet: table.parquet"), encoding="utf-8")
    command = [sys.executable, __file__, str(megabytes), str(path), str(folder / "run")]
    done = subprocess.run(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, text=True, stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(done.returncode)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"rows": rows, "size": (folder / "table.parquet").stat().st_size / 2**20, **found}


def main(megabytes: int = 512) -> None:
    with tempfile.TemporaryDirectory(prefix="specc-beyond-") as made:
        found = limited(megabytes, Path(made))
    print("| limit | Parquet | rows | in RAM | with mapped files | seconds | test accuracy |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {megabytes:,} MB | {found['size']:,.0f} MB | {found['rows']:,} "
        f"| {found['RssAnon']:,.0f} MB | {found['VmRSS']:,.0f} MB | {found['seconds']:,.0f} | {found['accuracy']:.3f} |"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(measure(int(sys.argv[1]) * 2**20, Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main(*map(int, sys.argv[1:]))
