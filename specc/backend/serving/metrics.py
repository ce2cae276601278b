"""What a server measures of itself, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
disable_created_metrics()  # type: ignore[no-untyped-call]  # when each counter was made is of no use to anybody here
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self, name: str) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "specc_requests", "Requests by what they asked and the status of the answer.", ("ask", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "specc_request_seconds", "From the whole of a request to its answer.", ("ask",), buckets=SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.model_seconds = Histogram(
            "specc_model_seconds", "What TensorFlow takes for a batch.", buckets=SECONDS, registry=self._registry
        )
        self.batch = Histogram(
            "specc_batch_examples", "Examples that were answered together.", buckets=SIZES, registry=self._registry
        )
        self._queue = Gauge("specc_queue_requests", "Requests that wait for their turn.", registry=self._registry)
        self._version = Gauge("specc_model_version", "The newest version.", ("model",), registry=self._registry)
        self._known: dict[tuple[str, int], Callable[[], None]] = {}
        self._timed: dict[str, Callable[[float], None]] = {}
        self._name = name

    def watch(self, waiting: Callable[[], float], version: Callable[[], float]) -> None:
        """Have two figures asked for when somebody reads."""
        self._queue.set_function(waiting)
        self._version.labels(self._name).set_function(version)

    def answered(self, ask: str, status: int, seconds: float) -> None:
        """Count a request."""
        if (ask, status) not in self._known:
            self._known[ask, status] = self._requests.labels(ask, str(status)).inc
            self._timed[ask] = self._seconds.labels(ask).observe
        self._known[ask, status]()
        self._timed[ask](seconds)

    def text(self) -> bytes:
        """All of it, in the format of Prometheus."""
        return generate_latest(self._registry)
