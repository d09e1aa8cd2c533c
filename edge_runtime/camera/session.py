"""Camera session: from `CameraOptions` to a running loop.

`edgecls camera`, the service that systemd runs, and `edgecls.watch` all come through `open_session`; what
options must hold is checked here and nowhere else.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..classifier import Classifier
from ..errors import BadConfiguration, Unavailable, UsageError
from ..models.card import ModelCard
from ..models.named import find_model_file
from ..text import expanded
from .answer import Answer, Sink
from .decision import Decider, SteadyDecider
from .event import Event, OnEvent, fan_out, ignore
from .event_limit import EventLimit
from .event_log import EventLog
from .loop import Loop, StopRequest, drained, logged_answers
from .loop_report import LoopReport
from .options import CameraOptions, check_numbers
from .outputs.frame_folder import FrameRecorder
from .outputs.lines import LineOutput, json_line
from .outputs.video_file import Recorder
from .outputs.window import PreviewWindow, why_never_a_window, why_no_window
from .pace import CpuBudget, CpuMeter, FixedRate, HeatLimit, Pace, RateLimit, parse_share
from .recording import RecordedSettings, new_header
from .region import parse_roi
from .sources.address import (
    Address,
    DemoCamera,
    ImageFiles,
    LiveAddress,
    Stream,
    least_size_px,
    parse_size,
    parse_source,
)
from .sources.capture import Capture
from .sources.capture_process import ANY_AUTHORITY, Trust
from .sources.open import open_source
from .sources.patience import DEFAULT_PATIENCE
from .sources.source import Source, Stills
from .stillness import Stillness
from .view import ROTATIONS, View

if TYPE_CHECKING:
    from ..page.server import PageSink

_STDOUT = 1


@dataclass(frozen=True)
class CameraSession:
    """A camera loop that is set up and not running yet."""

    options: CameraOptions
    source: Source
    classifier: Classifier
    loop: Loop
    log: EventLog | None
    page: "PageSink | None"

    def run(self) -> LoopReport:
        """Classifies frames until the source ends, a limit is reached or a stop is requested.

        Returns:
            What was done, with the error that ended it early, if one did.

        Raises:
            EdgeclsError: the source cannot be opened.
        """
        return drained(self._steps())

    def answers(self) -> Generator[Answer]:
        """Yields each answer as it is given; the sinks get it first.

        Raises:
            EdgeclsError: the source cannot be opened or cannot go on.
        """
        report = yield from self._steps()
        if report.failure:
            raise report.failure

    def _steps(self) -> Generator[Answer, None, LoopReport]:
        if self.log is None:
            return self.loop.answers(self.source)
        from importlib.metadata import version  # noqa: PLC0415 - 20 ms, and only an event log needs it

        return logged_answers(self.loop, self.source, self.log, version("edgecls"))


def check_options(options: CameraOptions) -> Address:
    """Checks what can be known without a camera, a model or a port.

    Returns:
        What `--source` names.

    Raises:
        UsageError, BadConfiguration, MissingInput: an option makes no sense, or contradicts another.
    """
    check_numbers(options)
    address = parse_source(options.source)
    _trust(options, address)
    view_of(options)
    if options.size:
        parse_size(options.size)
    if options.cpu:
        parse_share(options.cpu)
    if options.record_max_mb and options.record and not _is_folder(options.record):
        folder = f"{Path(options.record).with_suffix('')}/"
        raise UsageError(f"--record-max-mb is for a folder; write --record {folder}")
    if options.record_max_mb and not options.record:
        raise UsageError("--record-max-mb goes with --record DIR/; add it, or leave this out")
    if options.show:
        _check_window(goes_on=is_unattended(options))
    return address


def _check_window(*, goes_on: bool) -> None:
    if reason := why_never_a_window():
        raise BadConfiguration(f"cannot open a window: {reason}; leave --show out")
    if not goes_on and (reason := why_no_window()):
        raise Unavailable(f"cannot open a window: {reason}; leave --show out")


def is_unattended(options: CameraOptions) -> bool:
    """Whether the loop goes on until it is stopped: a camera or stream, without a limit."""
    return options.frame_limit is None and isinstance(parse_source(options.source), LiveAddress)


def shows_stills(options: CameraOptions) -> bool:
    """Whether the source is an image or several, each with an answer of its own."""
    return isinstance(parse_source(options.source), ImageFiles)


@contextmanager
def open_session(
    options: CameraOptions,
    *,
    stop: StopRequest | None = None,
    first: Sequence[Sink] = (),
    last: Sequence[Sink] = (),
    on_event: OnEvent = ignore,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Generator[CameraSession]:
    """Opens the model and the outputs that the options name, and sets up the loop.

    Args:
        options: see `CameraOptions`; without `show=True` there is no window.
        stop: ends the loop; None: only the source or a limit does.
        first: sinks before those of the options, such as a status line.
        last: sinks after them, which are closed first, such as the one that notifies systemd.
        on_event: called with every event, beside the event log and the page.
        on_note: called with one line if a model was chosen that nobody named.
        on_warning: called with one line if a recording goes on without the folder's own model.

    Raises:
        EdgeclsError: an option makes no sense, or something that it names cannot be opened.
    """
    stop = stop or StopRequest()
    address = check_options(options)
    unattended = is_unattended(options)
    with ExitStack() as opened:

        def tell_all(event: Event) -> None:
            on_event(event)  # with the listeners that are added below

        page = _page(options, stop, tell_all, keeps_trying=unattended)
        if page:
            opened.callback(page.close)  # again after the loop has closed it: twice does no harm
            on_event = fan_out(on_event, page.event)
        log = _event_log(options, on_event, waits=unattended)
        if log:
            on_event = fan_out(log.event, on_event)
        limit = EventLimit(on_event) if isinstance(address, LiveAddress) else None
        if limit:
            on_event = limit.event
        find_model = partial(
            find_model_file,
            options.model,
            engine=options.engine,
            labels=options.labels,
            scale=options.scale,
            require_signed=options.require_signed,
            records=options.record is not None,
            on_note=on_note,
            on_warning=on_warning,
        )
        # The demo camera shows the golden frames of the card; a foreign model has none.
        shown = find_model() if isinstance(address, DemoCamera) else None
        source = _source(options, shown.card if shown else None, on_event)
        model = shown or find_model()
        classifier = opened.enter_context(
            Classifier(
                model,
                engine=options.engine,
                threads=options.threads,
                threshold=options.conf,
                top=options.topk,
            )
        )
        decider = _decider(options, source, classifier)
        recorder = _recorder(options, source, classifier, decider, on_event, resumes=unattended)
        windows = [PreviewWindow(stop, keeps_trying=unattended, on_event=tell_all)] if options.show else []
        if isinstance(source, Capture) and source.least_px is None:
            is_watched = bool(windows or page or recorder)
            source.least_px = least_size_px(classifier.card.image, is_watched=is_watched)
        if isinstance(source, Stills):
            source.rule = classifier.card.image
        sinks: list[Sink | None] = [
            LineOutput(_STDOUT, stop, json_line, may_drop=unattended) if options.json else None,
            *first,
            log,
            page,
            limit,
            *windows,
            recorder,
            *last,
        ]
        loop = Loop(
            classifier,
            [sink for sink in sinks if sink is not None],
            options.frame_limit,
            view=view_of(options),
            decider=decider,
            pace=_pace(options, source, on_event),
            stillness=Stillness() if options.skip_still else None,
            stop=stop,
            on_event=on_event,
        )
        yield CameraSession(options, source, classifier, loop, log, page)


def watch(
    source: str = "0",
    model: str | Path | None = None,
    *,
    options: CameraOptions | None = None,
    on_event: OnEvent = ignore,
) -> Iterator[Answer]:
    """Yields an answer for each frame of a camera, video or stream.

        for answer in edgecls.watch("0", "imagenet"):
            print(answer.announced)

    Waits for a camera that is missing or lost; with `options.once` or `max_frames` it is an error. On a
    terminal, one that is missing at the start is an error too, unless `options.wait` is True.

    Args:
        source: as `edgecls camera --source`; see `open_source`.
        model: an exported file, a folder or the name of a built-in model; None: the best in this folder.
        options: everything else that a camera can be asked for; its source and model are replaced.
        on_event: called with what happens to the camera meanwhile.

    Raises:
        EdgeclsError: an option makes no sense, the model cannot be opened, or the source cannot go on.
    """
    chosen = replace(options or CameraOptions(), source=source, model=None if model is None else Path(model))
    with open_session(chosen, on_event=on_event) as session, closing(session.answers()) as answers:
        yield from answers


def view_of(options: CameraOptions) -> View:
    """How the camera's picture is seen; raises UsageError for a region that is none."""
    return View(parse_roi(options.roi) if options.roi else None, ROTATIONS[options.rotate], options.flip)


def _page(
    options: CameraOptions, stop: StopRequest, on_event: OnEvent, *, keeps_trying: bool
) -> "PageSink | None":
    if options.serve is None:
        return None
    from ..page.server import PageSink  # noqa: PLC0415 - a web server, which most loops do without

    return PageSink(
        options.serve,
        options.token,
        names=options.serve_name,
        keeps_trying=keeps_trying,
        stop=stop,
        on_event=on_event,
    )


def _source(options: CameraOptions, card: ModelCard | None, on_event: OnEvent) -> Source:
    return open_source(
        options.source,
        one_shot=options.frame_limit is not None,
        waits=_waits(options),
        realtime=options.realtime,
        card=card,
        size_px=parse_size(options.size) if options.size else None,
        on_event=on_event,
        patience=DEFAULT_PATIENCE.with_limit(options.stall_timeout),
        trust=_trust(options, parse_source(options.source)),
    )


def _waits(options: CameraOptions) -> bool:
    """Whether to wait for a camera that is missing at the start: where nobody reads that it is."""
    if options.wait is not None:
        return options.wait
    return options.frame_limit is None and not (sys.stderr and sys.stderr.isatty())


def _trust(options: CameraOptions, address: Address) -> Trust:
    """Whom to trust besides the authorities of the system.

    Raises:
        UsageError: for a source without TLS; or not a fingerprint.
        MissingInput, PermissionRefused, BadConfiguration: a file that holds no certificate.
    """
    if not (options.ca_file or options.tls_fingerprint):
        return ANY_AUTHORITY
    if not (isinstance(address, Stream) and address.url.startswith(("https:", "rtsps:"))):
        flag = "--ca-file" if options.ca_file else "--tls-fingerprint"
        raise UsageError(f"{flag} is for an https or rtsps source; leave it out, or change --source")
    from .sources.network.tls import trust_of  # noqa: PLC0415 - OpenSSL, which most loops do without

    return trust_of(str(options.ca_file) if options.ca_file else None, options.tls_fingerprint)


def _decider(options: CameraOptions, source: Source, classifier: Classifier) -> Decider:
    """Steady for cameras and videos; an image, and a run of one frame, has its own answer at once."""
    steady = SteadyDecider(classifier, options.smooth, options.hold, options.conf_off)
    return Decider() if options.frame_limit == 1 or isinstance(source, Stills) else steady


def _pace(options: CameraOptions, source: Source, on_event: OnEvent) -> Pace:
    """What holds the frame rate down: what was asked for, and heat while a camera runs."""
    limits: list[RateLimit] = [FixedRate(options.fps)] if options.fps else []
    if options.cpu:
        if source.live and sys.platform != "linux":
            raise BadConfiguration("--cpu: cannot measure the capture process on this system; use --fps")
        meter = CpuMeter(capture_pid=lambda: getattr(source, "pid", None))
        limits.append(CpuBudget(parse_share(options.cpu), meter.used_s))
    if source.live:
        limits.append(HeatLimit(on_event))
    return Pace(limits, fps_asked=options.fps, cpu_asked=options.cpu)


def _event_log(options: CameraOptions, on_event: OnEvent, *, waits: bool) -> EventLog | None:
    if not options.events:
        return None
    path = expanded(options.events)
    _refuse_itself("--events", path, expanded(options.source))
    if options.record and path.absolute() == expanded(options.record).absolute():
        raise UsageError(f"--events {path}: is the recording itself; choose another name")
    return EventLog(options.events, int(options.events_max_mb * 1e6), on_event, waits=waits)


def _recorder(
    options: CameraOptions,
    source: Source,
    classifier: Classifier,
    decider: Decider,
    on_event: OnEvent,
    *,
    resumes: bool,
) -> Sink | None:
    """What `--record` writes: a folder of frames, or an annotated video."""
    if not options.record:
        return None
    path = expanded(options.record)
    if _is_folder(options.record):
        settings = RecordedSettings(
            options.conf,
            options.conf_off,
            options.smooth,
            options.hold,
            isinstance(decider, SteadyDecider),
            options.roi,
            options.rotate,
            options.flip,
        )
        limit = options.record_max_mb * 1_000_000 if options.record_max_mb else None
        header = new_header(source.description, classifier, settings)
        return FrameRecorder(path, header, on_event, max_bytes=limit, resumes=resumes)
    _refuse_itself("--record", path, Path(source.description))
    return Recorder(path, source, on_event, resumes=resumes)


def _refuse_itself(flag: str, path: Path, other: Path) -> None:
    if path.exists() and other.exists() and path.samefile(other):
        raise UsageError(f"{flag} {path}: is the source itself; choose another name")


def _is_folder(record: str) -> bool:
    return record.endswith(("/", os.sep)) or expanded(record).is_dir()
