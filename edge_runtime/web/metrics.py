"""Numbers for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge_runtime.errors import StoreError
from edge_runtime.web.state import DashboardState

log = logging.getLogger(__name__)


class DaemonCollector(Collector):
    """Reads the numbers from the dashboard's state when they are asked for."""

    def __init__(self, state: DashboardState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        health = self._state.health
        yield CounterMetricFamily("galaxy_edge_frames", "Frames processed", health.frames)
        yield CounterMetricFamily(
            "galaxy_edge_faults", "Frames that could not be read or processed", health.faults
        )
        for name, text, value in (
            ("frames_per_second", "Frames processed per second", health.frames_per_second),
            ("camera_ok", "1 while frames come", float(health.camera_ok)),
            ("store_ok", "1 while sightings can be written", float(health.store_ok)),
            ("pending_sightings", "Sightings that wait to be written", float(health.pending)),
        ):
            yield GaugeMetricFamily(f"galaxy_edge_{name}", text, value)
        stages = GaugeMetricFamily(
            "galaxy_edge_stage_seconds", "Time of each stage, latest frame", labels=["stage"]
        )
        for stage, milliseconds in health.stage_ms.items():
            stages.add_metric([stage], milliseconds / 1000.0)
        yield stages
        time = self._state.frame_time
        if time is not None:
            yield GaugeMetricFamily(
                "galaxy_edge_last_frame_time_seconds",
                "Mid-exposure time of the latest frame",
                time.timestamp(),
            )
        if health.bundle is not None:
            bundle = GaugeMetricFamily(
                "galaxy_edge_bundle_info", "Models at work", labels=["name", "version", "sha256"]
            )
            bundle.add_metric(
                [health.bundle.name, health.bundle.version, health.bundle.sha256], 1.0
            )
            yield bundle
        yield from self._store_metrics()

    def _store_metrics(self) -> Iterator[Metric]:
        store = self._state.store
        if store is None:
            return
        try:
            counts = store.counts()
        except StoreError as error:
            log.warning("%s", error)
            return
        yield GaugeMetricFamily(
            "galaxy_edge_stored_sightings", "Sightings in the store", counts.sightings
        )
        yield GaugeMetricFamily(
            "galaxy_edge_stored_detections", "Detections in the store", counts.detections
        )


def metrics_text(state: DashboardState) -> bytes:
    """All metrics in the Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DaemonCollector(state))
    return generate_latest(registry)
