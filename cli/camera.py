"""`edgecls camera`: frames in, labels out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .decision_options import (
    EVENTS_MAX_MB,
    HOLD_S,
    SMOOTH_S,
    ConfOff,
    Events,
    EventsMaxMb,
    Hold,
    Smooth,
    open_decider,
    open_log,
    run_loop,
)
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
from .page_options import Serve, ServeAlone, Token, open_page
from .record_options import Record, RecordMaxMb, Replay, open_recorder, refuse_with_replay, run_replay
from .size_option import Size, set_default_size, size_px_of
from .status_output import open_status
from .view_options import Flip, RoiText, Rotate, view_of

if TYPE_CHECKING:
    from ..edge_runtime.camera.answer import Sink
    from ..edge_runtime.camera.event import OnEvent
    from ..edge_runtime.camera.loop import StopRequest
    from ..edge_runtime.camera.pace import Pace
    from ..edge_runtime.camera.sources.source import Source
    from ..edge_runtime.models.card import ModelCard

COMMAND_CLASS = ServeAlone


def camera(
    source: str = typer.Option(
        "0",
        envvar="EDGECLS_SOURCE",
        show_envvar=False,
        help="A camera's index or device, csi, a video, an image, a folder or glob, an http(s) or rtsp URL; "
        "demo needs none of them.",
    ),
    realtime: bool = typer.Option(
        True,
        "--realtime/--no-realtime",
        help="A video at its own rate, or every frame as fast as possible.",
    ),
    model: Model = None,
    engine: Engine = "auto",
    threads: Threads = 1,
    conf: Confidence = None,
    conf_off: ConfOff = None,
    smooth: Smooth = SMOOTH_S,
    hold: Hold = HOLD_S,
    topk: TopK = 3,
    labels: Labels = None,
    scale: Scale = None,
    max_frames: int | None = typer.Option(None, min=1, help="End after so many frames."),
    once: bool = typer.Option(False, "--once", help="End after one frame."),
    show: bool | None = typer.Option(
        None, "--show/--headless", help="A window, or none; by default one where there is a screen."
    ),
    record: Record = None,
    record_max_mb: RecordMaxMb = None,
    replay: Replay = None,
    size: Size = None,
    roi: RoiText = None,
    rotate: Rotate = "0",
    flip: Flip = None,
    fps: float | None = typer.Option(None, min=0.01, help="At most so many frames per second."),
    cpu: str | None = typer.Option(
        None, help="At most so much processor time, of one core and capture included, such as 25%."
    ),
    skip_still: bool = typer.Option(
        False, "--skip-still", help="Classify once a second only while nothing moves."
    ),
    as_json: bool = typer.Option(False, "--json", help="One line of JSON a frame on stdout."),
    events: Events = None,
    events_max_mb: EventsMaxMb = EVENTS_MAX_MB,
    serve: Serve = None,
    token: Token = None,
) -> None:
    """Classify the frames of a camera or video. Ctrl-C ends it, and q in its window."""
    spare_blas_threads()
    from ..edge_runtime.camera.decision import SteadyDecider
    from ..edge_runtime.camera.event import fan_out
    from ..edge_runtime.camera.loop import Loop, stop_on_signals
    from ..edge_runtime.camera.outputs.lines import LineOutput, json_line
    from ..edge_runtime.camera.pace import Stillness
    from ..edge_runtime.camera.recording import RecordedSettings
    from ..edge_runtime.camera.sources.open import open_source

    if replay:
        refuse_with_replay(record=record, events=events, serve=serve)
        run_replay(
            replay, conf, lambda at: open_classifier(model, engine, threads, at, topk, labels, scale), as_json
        )
        return
    frame_limit = 1 if once else max_frames
    view = view_of(roi, rotate, flip)
    status, service = open_status()
    page = open_page(serve, token)
    on_event = fan_out(*(told.event for told in (status, *service, *([page] if page else []))))
    log = open_log(events, events_max_mb, on_event)
    if log:
        on_event = fan_out(log.event, on_event)
    with stop_on_signals() as stop:
        frames = open_source(
            source,
            one_shot=frame_limit is not None,
            realtime=realtime,
            card=_demo_card(source, model, engine, labels),
            size_px=size_px_of(size),
            on_event=on_event,
        )
        pace = _pace(fps, cpu, frames, on_event)
        sinks: list[Sink] = [LineOutput(1, stop, json_line)] if as_json else []
        sinks.append(status)
        if log:
            sinks.append(log)
        if page:
            sinks.append(page)
        windows = _windows(show, as_json, stop)
        sinks += windows
        with open_classifier(model, engine, threads, conf, topk, labels, scale) as classifier:
            status.print_line(
                f"model: {classifier.path} on {classifier.engine.name}, {len(classifier.card.labels)} labels"
            )
            decider = open_decider(frames, classifier, frame_limit, smooth, hold, conf_off)
            if record:
                is_steady = isinstance(decider, SteadyDecider)
                settings = RecordedSettings(conf, conf_off, smooth, hold, is_steady, roi, rotate, flip)
                sinks.append(open_recorder(record, record_max_mb, frames, classifier, settings, on_event))
            sinks += service  # the last, as it is closed first
            set_default_size(frames, classifier.card.image, is_watched=bool(windows or record or page))
            loop = Loop(
                classifier,
                sinks,
                frame_limit,
                view=view,
                decider=decider,
                pace=pace,
                stillness=Stillness() if skip_still else None,
                stop=stop,
                on_event=on_event,
            )
            report = run_loop(loop, frames, log)
    if report.frames or not report.failure:
        status.print_line(report.text)
    if report.failure:
        raise report.failure
    if record and report.frames:
        status.print_line(f"recording: {record}")


def _demo_card(source: str, model: Path | None, engine: Engine, labels: Path | None) -> "ModelCard | None":
    """Whose golden frames the demo camera shows; None for other sources and models made elsewhere."""
    from ..edge_runtime.models.find import choose_model

    return choose_model(model, engine).card if source == "demo" and not labels else None


def _pace(fps: float | None, cpu: str | None, frames: "Source", on_event: "OnEvent") -> "Pace":
    """What holds the frame rate down: what was asked for, and heat while a camera runs."""
    from ..edge_runtime.camera.pace import (
        CpuBudget,
        CpuMeter,
        FixedRate,
        HeatLimit,
        Pace,
        RateLimit,
        parse_share,
    )

    limits: list[RateLimit] = [FixedRate(fps)] if fps else []
    if cpu:
        meter = CpuMeter(capture_pid=lambda: getattr(frames, "pid", None))
        limits.append(CpuBudget(parse_share(cpu), meter.used_s))
    if frames.live:
        limits.append(HeatLimit(on_event))
    return Pace(limits)


def _windows(show: bool | None, as_json: bool, stop: "StopRequest") -> "list[Sink]":
    """A window where one was asked for, or where a person seems to sit at a screen; otherwise none."""
    from ..edge_runtime.camera.outputs.window import PreviewWindow, why_no_window
    from ..edge_runtime.errors import BadConfiguration

    if show is False or (show is None and (as_json or not sys.stdout.isatty())):
        return []
    reason = why_no_window()
    if reason and show:
        raise BadConfiguration(f"cannot open a window: {reason}; leave --show out")
    return [] if reason else [PreviewWindow(stop)]
