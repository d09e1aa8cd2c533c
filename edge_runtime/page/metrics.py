"""Metrics: what a camera loop does, as Prometheus reads it.

Names, units and types follow OpenMetrics 1.0: base units in the name, `_total` for what only grows, `_info`
for what it is. Labels are bounded: kinds of events, outputs of this run, at most a hundred labels of the
model.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from ..camera.status import HEALTH
from .live import Status
from .totals import AGE_BOUNDS_S


def metrics(status: Status, accept: str) -> tuple[bytes, str]:
    """Returns the metrics as text, and its type.

    Args:
        status: of the loop.
        accept: the `Accept` header: OpenMetrics where it is named there, else Prometheus's own format.
    """
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - 30 ms, which most loops do without
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(_Collector(status))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Collector:
    """Gives the families of one answer; see `prometheus_client.registry.Collector`."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def describe(self) -> list[Any]:
        """None, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yields each family."""
        yield from self._of_the_camera()
        yield from self._of_the_answers()
        yield from self._of_the_outputs()

    def _of_the_camera(self) -> Iterator[Any]:
        from prometheus_client.core import (  # noqa: PLC0415
            GaugeMetricFamily,
            InfoMetricFamily,
            StateSetMetricFamily,
        )

        status = self._status
        if seen := status.seen:
            what = {"version": seen.version, "model": seen.name, "run": status.run}
            yield InfoMetricFamily("edgecls_camera", "The program and its model.", value=what)
        states = {state: state == status.health for state in HEALTH}
        yield StateSetMetricFamily("edgecls_health", "The health of the camera.", value=states)
        yield GaugeMetricFamily(
            "edgecls_running_seconds", "How long the loop has been running.", value=status.running_s
        )
        if status.silent_s is not None:
            yield GaugeMetricFamily("edgecls_silent_seconds", "Since the last answer.", value=status.silent_s)
        if status.temperature_c is not None:
            yield GaugeMetricFamily(
                "edgecls_temperature_celsius", "Of the processor.", value=status.temperature_c
            )

    def _of_the_answers(self) -> Iterator[Any]:
        from prometheus_client.core import (  # noqa: PLC0415
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        status, totals = self._status, self._status.totals
        yield CounterMetricFamily("edgecls_answers", "Frames that were classified.", value=totals.answers)
        bounds = [*(f"{bound:g}" for bound in AGE_BOUNDS_S), "+Inf"]
        yield HistogramMetricFamily(
            "edgecls_frame_age_seconds",
            "Age of a frame when its label was known.",
            buckets=list(zip(bounds, accumulate(totals.ages), strict=True)),
            sum_value=totals.ages_s,
        )
        announcements = CounterMetricFamily(
            "edgecls_announcements", "How often a label was announced anew.", labels=["label"]
        )
        for label, count in sorted(totals.announced.items()):
            announcements.add_metric([label], count)
        yield announcements
        newest = status.newest if status.has_picture else None
        if newest:
            shown = newest.decision.shown
            announced = GaugeMetricFamily(
                "edgecls_confidence_ratio", "Of the label that is announced.", labels=["label"]
            )
            announced.add_metric([shown.label or "unknown"], shown.confidence)
            yield announced

    def _of_the_outputs(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415

        events = CounterMetricFamily("edgecls_events", "Events, by kind.", labels=["kind"])
        for kind, count in sorted(self._status.totals.events.items()):
            events.add_metric([kind], count)
        yield events
        deliveries = CounterMetricFamily(
            "edgecls_deliveries", "What became of what outputs were given.", labels=["output", "outcome"]
        )
        for each in self._status.deliveries:
            for outcome in ("done", "failed", "dropped", "skipped"):
                deliveries.add_metric([each.name, outcome], getattr(each, outcome))
        yield deliveries
