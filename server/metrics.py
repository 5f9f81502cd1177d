"""Which numbers does Prometheus get? One registry, filled by `gate` and `jobs`, served by `routes_status`."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"}


class Metrics:
    """All counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "goobusters_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "goobusters_request_seconds",
            "Time from a request's headers to its last byte; live streams are not counted",
            ["route"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
        )
        self.saves = Counter("goobusters_saves", "Saves accepted", registry=self.registry)
        self.conflicts = Counter("goobusters_conflicts", "Saves refused because of another one", registry=self.registry)
        self.jobs = Counter("goobusters_jobs", "Tracking jobs ended", ["outcome"], registry=self.registry)
        self.job_seconds = Histogram(
            "goobusters_job_seconds",
            "Time of a tracking job that gave masks",
            registry=self.registry,
            buckets=(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
        )
        self.streams = Gauge("goobusters_streams", "Live event streams", registry=self.registry)

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Counts one request. `route` is a route's rule, never a path."""
        self._requests.labels(method if method in _METHODS else "other", route, status).inc()
        if route != "/api/events":
            self._seconds.labels(route).observe(seconds)

    def watch(self, collector: Collector) -> None:
        """Adds numbers that are looked up when somebody asks."""
        self.registry.register(collector)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class StatusCollector(Collector):
    """Series and queue by state, from the status object."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        status = self._status()
        series = GaugeMetricFamily("goobusters_series", "Series of the data set", labels=["state"])
        for state in ("pending", "completed", "failed"):
            series.add_metric([state], status[f"series_{state}"])
        queue = GaugeMetricFamily("goobusters_queue", "Jobs that wait", labels=["kind"])
        for kind, length in status["queue"].items():
            queue.add_metric([kind], length)
        problems = GaugeMetricFamily("goobusters_problems", "What an admin should look at", labels=["code"])
        for code, count in Counted(problem["code"] for problem in status["problems"]).items():
            problems.add_metric([code], count)
        ready = GaugeMetricFamily("goobusters_ready", "1 when no series is pending", value=float(status["ready"]))
        return [series, queue, problems, ready]
