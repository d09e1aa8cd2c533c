"""Camera session: from `CameraOptions` to a running loop.

`edgecls camera`, the service that systemd runs, and `edgecls.watch` all come through `open_session`; what
options must hold is checked here and nowhere else.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..classifier import Classifier
from ..errors import BadConfiguration, Unavailable, UsageError
from ..models.named import find_model_file
from ..text import expanded
from .answer import Answer, Sink
from .control import StopRequest
from .event import Event, OnEvent, fan_out, ignore
from .event_limit import EventLimit
from .event_log import EventLog
from .loop import Loop, drained, logged_answers
from .loop_report import LoopReport
from .mqtt.broker import broker_of
from .option_values import check_numbers
from .options import CameraOptions
from .outputs.lines import LineOutput, json_line
from .outputs.window import PreviewWindow, why_never_a_window, why_no_window
from .pace import parse_share
from .session_parts import (
    actions_of,
    check_actions,
    control_of,
    decider_of,
    event_log_of,
    farewell_of,
    inbox_of,
    introduce,
    is_folder,
    mqtt_of,
    pace_of,
    page_of,
    recorder_of,
    source_of,
    trust_in,
    view_of,
)
from .sources.address import (
    Address,
    DemoCamera,
    ImageFiles,
    LiveAddress,
    least_size_px,
    parse_size,
    parse_source,
)
from .sources.capture import Capture
from .sources.source import Source, Stills
from .stillness import Stillness

if TYPE_CHECKING:
    from ..page.server import PageSink
    from .inbox.sink import Inbox

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
    inbox: "Inbox | None"

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
    trust_in(options, address)
    view_of(options)
    if options.size:
        parse_size(options.size)
    if options.cpu:
        parse_share(options.cpu)
    if options.record_max_mb and options.record and not is_folder(options.record):
        folder = f"{Path(options.record).with_suffix('')}/"
        raise UsageError(f"--record-max-mb is for a folder; write --record {folder}")
    if options.record_max_mb and not options.record:
        raise UsageError("--record-max-mb goes with --record DIR/; add it, or leave this out")
    _check_inbox(options, address)
    check_actions(options)
    broker_of(options)
    if options.show:
        _check_window(goes_on=is_unattended(options))
    return address


def _check_inbox(options: CameraOptions, address: Address) -> None:
    if options.inbox is None:
        return
    if isinstance(address, ImageFiles):
        raise UsageError("--inbox is for a camera or a video: images are files already; leave it out")
    if options.record and options.inbox.absolute() == expanded(options.record).absolute():
        raise UsageError(f"--inbox {options.inbox}: is the recording itself; choose another folder")


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

        page = page_of(options, stop, tell_all, keeps_trying=unattended)
        if page:
            opened.callback(page.close)  # again after the loop has closed it: twice does no harm
            on_event = fan_out(on_event, page.event)
        farewell = farewell_of(options, stop, hurries=unattended)
        control = control_of(options, stop, tell_all)
        mqtt = mqtt_of(options, farewell, control, tell_all)
        if mqtt:
            opened.callback(mqtt.close)
            on_event = fan_out(on_event, mqtt.event)
        log = event_log_of(options, on_event, waits=unattended)
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
            picture_options=options.picture_options,
            require_signed=options.require_signed,
            records=options.record is not None,
            on_note=on_note,
            on_warning=on_warning,
        )
        # The demo camera shows the golden frames of the card; a foreign model has none.
        shown = find_model() if isinstance(address, DemoCamera) else None
        source = source_of(options, shown.card if shown else None, on_event)
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
        decider = decider_of(options, source, classifier)
        recorder = recorder_of(options, source, classifier, decider, on_event, resumes=unattended)
        actions = actions_of(options, source, classifier, farewell, stop=stop, on_event=on_event)
        if actions:
            opened.callback(actions.close)  # whatever happens before the loop closes it
        inbox = inbox_of(options, source, model, farewell, on_event, goes_on=unattended)
        if inbox:
            opened.callback(inbox.close)
        introduce(classifier, page, mqtt, actions)
        windows = [PreviewWindow(stop, keeps_trying=unattended, on_event=tell_all)] if options.show else []
        if isinstance(source, Capture) and source.least_px is None:
            is_watched = bool(windows or page or recorder or inbox)
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
            actions,
            mqtt,
            inbox,
            *last,
        ]
        loop = Loop(
            classifier,
            [sink for sink in sinks if sink is not None],
            options.frame_limit,
            view=view_of(options),
            decider=decider,
            pace=pace_of(options, source, on_event),
            stillness=Stillness() if options.skip_still else None,
            stop=stop,
            on_event=on_event,
            control=control,
        )
        yield CameraSession(options, source, classifier, loop, log, page, inbox)


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
