"""`mlflow`: a run of MLflow's for a run of specc's, in a store on this machine."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from types import ModuleType
from typing import Any

from specc.kinds import argument
from specc.kinds.trackers import Tracked, needed

NAMED = "mlflow.json"
"""In the run's directory: which run of MLflow's it is, for when it is gone on with."""

MOST = 100
"""So many parameters MLflow takes at once."""

STATUS = {"finished": "FINISHED", "interrupted": "FINISHED", "terminated": "KILLED"}
"""Any other has failed."""


@dataclass(frozen=True, slots=True)
class Mlflow:
    """A run in a store of MLflow's: the values of the spec, losses and metrics of each epoch, paths of artefacts."""

    uri: str = argument(
        "the store; `mlflow ui --backend-store-uri` takes the same", {"type": "string"}, default="sqlite:///mlflow.db"
    )
    experiment: str | None = argument("the experiment; left out: the spec's name", {"type": "string"}, default=None)

    def follow(self, keras: ModuleType, tracked: Tracked) -> Any:
        needed({"mlflow": "mlflow-skinny", "alembic": "alembic", "sqlalchemy": "sqlalchemy"}, "mlflow", "mlflow")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        for chatty in ("mlflow", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        # Late, because it takes seconds, and most runs do without it.
        import mlflow
        from mlflow import entities

        client = mlflow.MlflowClient(tracking_uri=self.uri)
        run = self._run(client, entities, tracked)
        base = keras.callbacks.Callback

        class Follower(base):  # type: ignore[misc,valid-type]
            """Logs each epoch under its number, from 1."""

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                now = int(1000 * time())
                figures = {name: value for name, value in (logs or {}).items() if isinstance(value, (int, float))}
                metrics = [entities.Metric(name, float(value), now, epoch + 1) for name, value in figures.items()]
                client.log_batch(run, metrics=metrics)

            def ended(self, status: str, artefacts: Mapping[str, Path]) -> None:
                for name, path in artefacts.items():
                    client.set_tag(run, f"specc.artefact.{name}", str(path.resolve()))
                client.set_terminated(run, STATUS.get(status, "FAILED"))

        return Follower()

    def _run(self, client: Any, entities: ModuleType, tracked: Tracked) -> str:
        """The run of MLflow's that this one is: that from before, or a new one with all values of the spec."""
        known = tracked.path / NAMED
        if known.is_file():
            run = str(json.loads(known.read_text(encoding="utf-8"))["run"])
            client.update_run(run, status="RUNNING")
            return run
        name = self.experiment or tracked.name
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        run = str(client.create_run(experiment, run_name=tracked.path.name).info.run_id)
        client.set_tag(run, "specc.run", str(tracked.path.resolve()))
        values = [entities.Param(name, str(value)) for name, value in tracked.values.items()]
        for start in range(0, len(values), MOST):
            client.log_batch(run, params=values[start : start + MOST])
        known.write_text(json.dumps({"uri": self.uri, "run": run}) + "\n", encoding="utf-8")
        return run
