"""What Prometheus sees of the manager, in a registry of its own; names follow the Prometheus conventions."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The manager's counters; gauges are set when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.rows = Counter("outpost_manager_ingest_rows", "Messages committed.", ["kind"], registry=self.registry)
        self.duplicates = Counter(
            "outpost_manager_ingest_duplicates", "Events that were there already.", registry=self.registry
        )
        self.deferred = Counter(
            "outpost_manager_ingest_deferred", "Events too far ahead, left to be sent again.", registry=self.registry
        )
        self.gaps = Counter("outpost_manager_ingest_gaps", "Gaps skipped over.", registry=self.registry)
        self.lost = Counter("outpost_manager_ingest_lost_events", "Events in those gaps.", registry=self.registry)
        self.bad = Counter(
            "outpost_manager_bad_messages", "Messages that could not be used.", ["leaf"], registry=self.registry
        )
        self.commit = Histogram(
            "outpost_manager_commit_seconds",
            "Time to commit a batch.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
            registry=self.registry,
        )
        self.failures = Counter(
            "outpost_manager_commit_failures", "Commits that the disk refused.", registry=self.registry
        )
        self.requests = Counter(
            "outpost_manager_http_requests", "HTTP requests answered.", ["status"], registry=self.registry
        )
        self.devices = Gauge("outpost_manager_devices", "Devices known.", ["state"], registry=self.registry)
        self.sessions = Gauge("outpost_manager_sessions", "Browsers signed in.", registry=self.registry)
        self.listeners = Gauge("outpost_manager_stream_listeners", "Open live streams.", registry=self.registry)
        self.dropped = Gauge(
            "outpost_manager_stream_dropped", "Live streams let go because they were slow.", registry=self.registry
        )
        self.link = Gauge("outpost_manager_link_up", "1 when the broker is connected.", registry=self.registry)

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self.registry)
