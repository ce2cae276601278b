"""`tensorboard`: scalars, the graph, histograms of weights and a profile, in the run's directory."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from specc.kinds import argument
from specc.kinds.trackers import Tracked, needed

BOOLEAN = {"type": "boolean"}
FREQUENCY = {"type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True)
class Tensorboard:
    """Event files for TensorBoard in `tensorboard/` of the run's directory, under Keras's names."""

    histogram_freq: int = argument(
        "after how many epochs each histograms of weights are written; 0: never", FREQUENCY, default=1
    )
    write_graph: bool = argument("whether the network is drawn", BOOLEAN, default=True)
    update_freq: str | int = argument(
        "`epoch`, `batch`, or after how many steps scalars of training are written as well",
        {"anyOf": [{"enum": ["epoch", "batch"]}, {"type": "integer", "minimum": 1}]},
        default="epoch",
    )
    profile: tuple[int, int] | None = argument(
        "the first and the last step to profile; calls of the loop are profiled whole: `steps_per_call: 1` for one",
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        default=None,
    )

    def follow(self, keras: ModuleType, tracked: Tracked) -> Any:
        needed({"tensorboard": "tensorboard"}, "tensorboard", "tensorboard")
        first, last = self.profile or (0, 0)
        base = keras.callbacks.TensorBoard

        class Board(base):  # type: ignore[misc,valid-type]
            """Keras's own, which counts calls of the loop as steps where it profiles: here steps are counted."""

            before = 0
            profiling = False

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                super().on_epoch_begin(epoch, logs)
                self.before = epoch * self.params["steps"]

            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                super().on_train_batch_begin(batch, logs)
                if first <= self.before + batch + 1 <= last and not self.profiling:
                    self._start_profiler(logdir=self.log_dir)
                    self.profiling = True

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                super().on_train_batch_end(batch, logs)
                if self.before + batch + 1 >= last:
                    self.stop()

            def on_train_end(self, logs: Any = None) -> None:
                self.stop()
                super().on_train_end(logs)

            def stop(self) -> None:
                if self.profiling:
                    self._stop_profiler()
                    self.profiling = False

            def ended(self, status: str, artefacts: Any) -> None:
                """Nothing is left to do: event files have no end."""

        return Board(
            log_dir=str(tracked.path / "tensorboard"),
            histogram_freq=self.histogram_freq,
            write_graph=self.write_graph,
            update_freq=self.update_freq,
        )
