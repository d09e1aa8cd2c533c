"""What `camera` takes about what it announces, and where it notes that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..edge_runtime.camera.decision import Decider
    from ..edge_runtime.camera.event import OnEvent
    from ..edge_runtime.camera.event_log import EventLog
    from ..edge_runtime.camera.loop import Loop
    from ..edge_runtime.camera.loop_report import LoopReport
    from ..edge_runtime.camera.sources.source import Source
    from ..edge_runtime.classifier import Classifier


# The defaults are those of decision.py and event_log.py, which need numpy; a test compares them.
Smooth = Annotated[
    float,
    typer.Option(min=0.0, help="Seconds over which probabilities are averaged; of stills, none."),
]
SMOOTH_S = 0.5
Hold = Annotated[
    float,
    typer.Option(min=0.0, help="Seconds that a label must win before it is announced; of stills, none."),
]
HOLD_S = 0.5
ConfOff = Annotated[
    float | None,
    typer.Option(
        min=0.0, max=1.0, help="Below this a label is withdrawn; by default 0.8 of what it must reach."
    ),
]
Events = Annotated[
    Path | None, typer.Option(help="Write what happens as lines of JSON, such as events.jsonl.")
]
EventsMaxMb = Annotated[
    float, typer.Option(min=0.01, help="Of the events: the older half is kept in FILE.1, then dropped.")
]
EVENTS_MAX_MB = 10.0


def open_decider(
    frames: "Source",
    classifier: "Classifier",
    frame_limit: int | None,
    smooth_s: float,
    hold_s: float,
    off: float | None,
) -> "Decider":
    """Steady for cameras and videos; a still, and a run of one frame, has its own answer at once.

    Raises:
        UsageError: `off` is above the threshold.
    """
    from ..edge_runtime.camera.decision import Decider, SteadyDecider
    from ..edge_runtime.camera.sources.source import Stills

    steady = SteadyDecider(classifier, smooth_s, hold_s, off)
    return Decider() if frame_limit == 1 or isinstance(frames, Stills) else steady


def open_log(events: Path | None, max_mb: float, on_event: "OnEvent") -> "EventLog | None":
    """The event log, if there shall be one.

    Raises:
        UsageError, OutputFailed, PermissionRefused: see `EventLog`.
    """
    if events is None:
        return None
    from ..edge_runtime.camera.event_log import EventLog

    return EventLog(events, int(max_mb * 1e6), on_event)


def run_loop(loop: "Loop", frames: "Source", log: "EventLog | None") -> "LoopReport":
    """`Loop.run`, noted in the log."""
    if log is None:
        return loop.run(frames)
    from importlib.metadata import version

    from ..edge_runtime.camera.loop import run_logged

    return run_logged(loop, frames, log, version("edgecls"))
