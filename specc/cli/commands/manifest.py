"""Write what runs a spec on a cluster: a script for Slurm, or objects for Kubeflow.

Every process gets the same command and finds its part in its environment. Spec, data and the run's directory must lie
where all of them see them under the same path.

    specc manifest slurm model.yaml --workers 4 --time 02:00:00 > model.sbatch
    specc manifest kubeflow model.yaml --workers 4 --image registry/specc:1 --claim work | kubectl apply -f -
"""

from __future__ import annotations

from typing import Any

import click

from specc import driver
from specc.cli.options import as_typed, overrides
from specc.cli.screen import show
from specc.cluster.job import Job
from specc.cluster.kubeflow import kubeflow
from specc.cluster.slurm import slurm
from specc.cluster.spread import spread
from specc.diagnostics import Log


@click.command()
@click.argument("system", metavar="kubeflow|slurm", type=click.Choice(["kubeflow", "slurm"]))
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option("-w", "--workers", metavar="N", type=click.IntRange(1), default=2, show_default=True, help="Workers.")
@click.option(
    "-s",
    "--servers",
    metavar="M",
    type=click.IntRange(0),
    default=0,
    help="Servers that hold the variables; with any, workers wait for nobody (`parameter_server`).",
)
@click.option("-o", "--out", metavar="DIR", help="The run's directory. Left out: runs/NAME.")
@click.option("--cores", metavar="N", type=click.IntRange(1), default=4, show_default=True, help="Cores of a process.")
@click.option("--memory", metavar="SIZE", default="", help="Memory of a process, as in 16Gi.")
@click.option("--gpus", metavar="N", type=click.IntRange(0), default=0, help="GPUs of a worker.")
@click.option("--time", metavar="HH:MM:SS", default="", help="How long it may take (Slurm).")
@click.option("--partition", metavar="NAME", default="", help="Where it is to run (Slurm).")
@click.option("--image", metavar="IMAGE", default="", help="A container image that has specc (Kubeflow).")
@click.option("--claim", metavar="NAME", default="", help="The volume claim that holds spec and data (Kubeflow).")
@click.option(
    "--mount", metavar="PATH", default="/work", show_default=True, help="Where the claim is mounted (Kubeflow)."
)
@overrides
def command(
    system: str,
    spec: str,
    workers: int,
    servers: int,
    out: str | None,
    cores: int,
    memory: str,
    gpus: int,
    time: str,
    partition: str,
    image: str,
    claim: str,
    mount: str,
    params: dict[str, Any],
    sets: dict[str, Any],
) -> None:
    if system == "kubeflow" and not (image and claim):
        raise click.UsageError(
            "Kubeflow needs `--image`, a container image that has specc, and `--claim`, a volume claim"
        )
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    laid = spread(plan, workers, servers, log)
    show(log.sorted(), log.sources)
    words = as_typed(params, sets | laid)
    job = Job(plan.name, spec, out or f"runs/{plan.name}", workers, servers, cores, memory, gpus, words)
    if system == "slurm":
        print(slurm(job, time=time, partition=partition), end="")
    else:
        print(kubeflow(job, image=image, claim=claim, mount=mount), end="")
