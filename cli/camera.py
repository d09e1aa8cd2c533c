"""`edgecls camera`: frames in, labels out."""

import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import edge_runtime
from ..edge_runtime.camera.event import ROUTINE
from ..edge_runtime.camera.option_text import to_toml
from ..edge_runtime.camera.options import CameraOptions
from ..edge_runtime.errors import EngineStuck, Unavailable
from ..edge_runtime.models.builtin import builtin_name
from ..edge_runtime.text import expanded, json_for_stdout
from .again import start_again, wait_before_this_start
from .camera_options import CameraCommand, with_camera_options
from .messages import detail, is_quiet, note, warn
from .model_options import spare_blas_threads
from .typed_secrets import exposed_secrets

if TYPE_CHECKING:
    from ..edge_runtime.camera.answer import Sink
    from ..edge_runtime.camera.event import OnEvent
    from ..edge_runtime.camera.loop_report import LoopReport
    from ..edge_runtime.camera.outputs.status_line import StatusLine
    from ..edge_runtime.camera.outputs.systemd import ServiceSink
    from ..edge_runtime.camera.session import CameraSession
    from ..edge_runtime.page.server import PageSink

COMMAND_CLASS = CameraCommand


@with_camera_options
def camera(
    context: typer.Context,  # noqa: ARG001 - read by with_camera_options
    options: CameraOptions,
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR/",
            help="Run the model over what --record DIR/ kept, and list where it announces something else; "
            "--smooth, --hold, --roi and the like are as recorded.",
            rich_help_panel="Recording",
        ),
    ] = None,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config",
            help="Print the options as a configuration file, and exit.",
            rich_help_panel="Configuration",
        ),
    ] = False,
) -> None:
    """Classify the frames of a camera or video. Press Ctrl-C, or q in the window, to stop.

    Examples:
        edgecls camera                                   # best model, first camera
        edgecls camera -s rtsp://10.0.0.7/live --serve   # network camera, web page
        edgecls camera -s demo -m imagenet               # no camera needed
        edgecls camera --config door.toml                # options from a file
    """
    if print_config:
        print(to_toml(options), end="")
    elif replay:
        _replay(replay, options)
    else:
        _run(options)


def _run(options: CameraOptions) -> None:
    spare_blas_threads()
    shown = replace(options, show=_wants_window(options))
    started_s = time.monotonic()
    with edge_runtime.stop_on_signals() as stop:
        wait_before_this_start(stop)
        edge_runtime.use_background_stderr(stop, may_drop=edge_runtime.is_unattended(options))
        status, service = _status()
        report_event = _only_results(status.event, options) if is_quiet() else status.event
        on_event = edge_runtime.fan_out(report_event, *(sink.event for sink in service))
        with edge_runtime.open_session(
            shown,
            stop=stop,
            first=_shown_answers(options, status, stop),
            last=service,
            on_event=on_event,
            on_note=note,
            on_warning=warn,
        ) as session:
            say = _silent if is_quiet() else status.print_line
            _introduce(session, say)
            report = session.run()
    if is_quiet() and report.labels and not options.json:
        status.print_line(report.labels_text)
    if report.frames or not report.failure:
        say(report.text)
    if isinstance(report.failure, EngineStuck) and edge_runtime.is_unattended(options):
        if service:  # systemd starts it again after this code, and not after that of a bad model
            raise Unavailable(str(report.failure))
        if not stop.requested:
            warn(f"{report.failure}; starting again")
            start_again(time.monotonic() - started_s)
    if (control := session.loop.control) and control.is_restart and not report.failure:
        if service:
            raise Unavailable("to be started again, as was asked for over MQTT")
        warn("starting again, as was asked for over MQTT")
        start_again(time.monotonic() - started_s)
    if report.failure:
        raise report.failure
    _say_what_is_kept(session, report, say)


def _say_what_is_kept(session: "CameraSession", report: "LoopReport", say: Callable[[str], None]) -> None:
    """Says where the pictures are."""
    options = session.options
    if options.record and report.frames and expanded(options.record).exists():
        remarks = [sink.remark for sink in session.loop.sinks if sink.remark]
        say(", ".join([f"recording: {options.record}", *remarks]))
    if session.inbox:
        say(f"inbox: {options.inbox}, {session.inbox.summary}")


def _shown_answers(
    options: CameraOptions, status: "StatusLine", stop: "edge_runtime.StopRequest"
) -> "list[Sink]":
    """What shows people each answer: for images a line each, else the status."""
    if edge_runtime.shows_stills(options) and not options.json:
        return [edge_runtime.LineOutput(1, stop, edge_runtime.answer_line)]
    return [] if is_quiet() else [status]


def _introduce(session: "CameraSession", say: Callable[[str], None]) -> None:
    """Says where the page is, and which model answers."""
    if session.page and session.page.link:  # else an event will say so
        print(f"page: {_page_link(session, session.page)}", file=sys.stderr, flush=True)
    classifier = session.classifier
    count = len(classifier.card.labels)
    name = f"built-in {builtin}" if (builtin := builtin_name(classifier.path)) else classifier.path
    say(f"model: {name} on {classifier.engine.name}, {count} labels")
    image, view = classifier.card.image, session.loop.view
    detail(f"source: {session.source.description}")
    detail(f"network input: {image.width_px}x{image.height_px}, {image.interpolation}")
    detail(f"region: {view.roi or 'all of the picture'}; rotated by {view.rotate} degrees")
    detail(f"answers below {classifier.threshold:.2f} are unknown")
    if exposed := exposed_secrets():
        warn(exposed)
    detail(f"outputs: {', '.join(sink.name for sink in session.loop.sinks) or 'none'}")


def _page_link(session: "CameraSession", page: "PageSink") -> str:
    """The page's address, with the token only where it was typed and a person clicks.

    A journal keeps what it gets, and a token from the environment was put there to be seen nowhere.
    """
    was_typed = session.options.token != os.environ.get("EDGECLS_TOKEN")
    return page.link_with_token if was_typed and sys.stderr.isatty() else page.link_for_log


def _silent(_: str) -> None:
    pass


def _only_results(show: "OnEvent", options: CameraOptions) -> "OnEvent":
    """Shows the events that a user must know of even with --quiet: trouble, and what is announced."""
    answers_elsewhere = options.json or edge_runtime.shows_stills(options)
    left_out = [kind for kind in ROUTINE if answers_elsewhere or kind != "label_changed"]
    return lambda event: None if event.kind in left_out else show(event)


def _replay(folder: Path, options: CameraOptions) -> None:
    """Replays a recording and prints what it found."""
    spare_blas_threads()
    recorded = edge_runtime.read_header(folder).settings.conf
    with edge_runtime.stop_on_signals() as stop:
        edge_runtime.use_background_stderr(stop, may_drop=False)
        status = edge_runtime.StatusLine(sys.stderr)
        with edge_runtime.open_classifier(
            options.model,
            engine=options.engine,
            threads=options.threads,
            threshold=recorded if options.conf is None else options.conf,
            top=options.topk,
            labels=options.labels,
            picture_options=options.picture_options,
            require_signed=options.require_signed,
            on_note=note,
            on_warning=warn,
        ) as classifier:
            report = edge_runtime.replay_recording(folder, classifier, stop, status.event)
    print(json_for_stdout(json.dumps(report.to_json(), ensure_ascii=False)) if options.json else report.text)


def _status() -> "tuple[StatusLine, list[ServiceSink]]":
    """The status on stderr, and what tells systemd, if we are its service.

    Then the status is told to systemd alone: in the journal, a line every ten seconds would wear an SD card.
    """
    manager = edge_runtime.service_manager(os.environ)
    if manager is None:
        return edge_runtime.StatusLine(sys.stderr), []
    return edge_runtime.StatusLine(sys.stderr, log_s=math.inf), [edge_runtime.ServiceSink(manager)]


def _wants_window(options: CameraOptions) -> bool:
    """Whether to open a window: where one was asked for, or where a person seems to sit at a screen."""
    if options.show is not None:
        return options.show
    return not options.json and sys.stdout.isatty() and edge_runtime.why_no_window() is None
