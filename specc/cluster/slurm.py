"""A run as a batch script of Slurm's."""

from __future__ import annotations

import re
import shlex

from specc.cluster.job import Job, label


def slurm(job: Job, *, time: str = "", partition: str = "") -> str:
    """A script for `sbatch`: a task on a node for each process, which find each other by Slurm's variables."""
    tasks = job.workers + (1 + job.servers if job.servers else 0)
    options = {
        "job-name": label(job.name),
        "partition": partition,
        "nodes": tasks,
        "ntasks-per-node": 1,
        "cpus-per-task": job.cores,
        "mem": re.sub(r"i$", "", job.memory),
        "gpus-per-task": job.gpus or "",
        "time": time,
        "output": f"{label(job.name)}-%j.log",
        # Time to end cleanly and to keep what was learnt.
        "signal": "TERM@120",
    }
    told = "\n".join(f"#SBATCH --{name}={value}" for name, value in options.items() if value != "")
    # One process that fails leaves the others waiting: with it the step ends.
    started = "srun --kill-on-bad-exit=1"
    return f"#!/bin/bash\n{told}\n\nset -euo pipefail\n\n{started} {shlex.join(job.command)}\n"
