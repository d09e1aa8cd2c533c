"""`edgecls camera`: frames in, labels out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .model_options import (
    Confidence,
    Engine,
    Labels,
    Model,
    Scale,
    Threads,
    TopK,
    open_classifier,
    spare_blas_threads,
)

if TYPE_CHECKING:
    from ..edge_runtime.camera.sink import Sink
    from ..edge_runtime.camera.stop import StopRequest


def camera(
    source: str = typer.Option(
        "0",
        help="A camera's index or device, a video, an image, a folder or glob, an http(s) or rtsp URL.",
    ),
    model: Model = None,
    engine: Engine = "auto",
    threads: Threads = 1,
    conf: Confidence = None,
    topk: TopK = 3,
    labels: Labels = None,
    scale: Scale = None,
    max_frames: int | None = typer.Option(None, min=1, help="End after so many frames."),
    once: bool = typer.Option(False, "--once", help="End after one frame."),
    show: bool | None = typer.Option(
        None, "--show/--headless", help="A window, or none; by default one where there is a screen."
    ),
    record: Path | None = typer.Option(None, help="Write an annotated video, such as out.mp4."),
    as_json: bool = typer.Option(False, "--json", help="One line of JSON a frame on stdout."),
) -> None:
    """Classify the frames of a camera or video. Ctrl-C ends it, and q in its window."""
    spare_blas_threads()
    from ..edge_runtime.camera.json_line import json_line
    from ..edge_runtime.camera.line_output import LineOutput
    from ..edge_runtime.camera.loop import Loop
    from ..edge_runtime.camera.opening import open_source
    from ..edge_runtime.camera.recorder import Recorder
    from ..edge_runtime.camera.status_line import StatusLine
    from ..edge_runtime.camera.stop import stop_on_signals

    frame_limit = 1 if once else max_frames
    status = StatusLine(sys.stderr)
    with stop_on_signals() as stop:
        frames = open_source(source, one_shot=frame_limit is not None, on_event=status.event)
        sinks: list[Sink] = [LineOutput(1, stop, json_line)] if as_json else []
        sinks.append(status)
        if record:
            sinks.append(Recorder(record, frames, status.event))
        sinks += _windows(show, as_json, stop)
        with open_classifier(model, engine, threads, conf, topk, labels, scale) as classifier:
            status.say(
                f"model: {classifier.path} on {classifier.engine.name}, {len(classifier.card.labels)} labels"
            )
            loop = Loop(classifier, sinks, frame_limit, stop=stop, on_event=status.event)
            report = loop.run(frames)
    if report.frames or not report.failure:
        status.say(report.text)
    if report.failure:
        raise report.failure
    if record and report.frames:
        status.say(f"recording: {record}")


def _windows(show: bool | None, as_json: bool, stop: "StopRequest") -> "list[Sink]":
    """A window where one was asked for, or where a person seems to sit at a screen; otherwise none."""
    from ..edge_runtime.camera.window import Window, why_no_window
    from ..edge_runtime.errors import BadConfiguration

    if show is False or (show is None and (as_json or not sys.stdout.isatty())):
        return []
    reason = why_no_window()
    if reason and show:
        raise BadConfiguration(f"cannot open a window: {reason}; leave --show out")
    return [] if reason else [Window(stop)]
