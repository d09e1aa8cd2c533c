"""The parts of a camera session, each made from the options that it needs."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..classifier import Classifier
from ..errors import BadConfiguration, UsageError
from ..models.builtin import builtin_name
from ..models.card import ModelCard
from ..text import expanded
from .answer import Sink
from .control import Control, StopRequest
from .decision import Decider, SteadyDecider
from .event import OnEvent
from .event_log import EventLog
from .mqtt.broker import broker_of
from .options import CameraOptions
from .outputs.frame_folder import FrameRecorder
from .outputs.video_file import Recorder
from .pace import CpuBudget, CpuMeter, FixedRate, HeatLimit, Pace, RateLimit, parse_share
from .recording import RecordedSettings, new_header
from .region import parse_roi
from .sources.address import Address, Stream, parse_size, parse_source
from .sources.capture_process import ANY_AUTHORITY, Trust
from .sources.open import open_source
from .sources.patience import DEFAULT_PATIENCE
from .sources.source import Source, Stills
from .status import Seen
from .view import ROTATIONS, View

if TYPE_CHECKING:
    from ..models.model_file import ModelFile
    from ..page.server import PageSink
    from .actions.actions import Actions
    from .inbox.sink import Inbox
    from .mqtt.sink import MqttSink
    from .outputs.destination import Farewell


def view_of(options: CameraOptions) -> View:
    """How the camera's picture is seen; raises UsageError for a region that is none."""
    return View(parse_roi(options.roi) if options.roi else None, ROTATIONS[options.rotate], options.flip)


def page_of(
    options: CameraOptions, stop: StopRequest, on_event: OnEvent, *, keeps_trying: bool
) -> "PageSink | None":
    """The web page of `--serve`; raises what `PageSink` does."""
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


def source_of(options: CameraOptions, card: ModelCard | None, on_event: OnEvent) -> Source:
    """What `--source` names, not opened yet; `card` is what the demo camera shows."""
    return open_source(
        options.source,
        one_shot=options.frame_limit is not None,
        waits=_waits(options),
        realtime=options.realtime,
        card=card,
        size_px=parse_size(options.size) if options.size else None,
        on_event=on_event,
        patience=DEFAULT_PATIENCE.with_limit(options.stall_timeout),
        trust=trust_in(options, parse_source(options.source)),
    )


def _waits(options: CameraOptions) -> bool:
    """Whether to wait for a camera that is missing at the start: where nobody reads that it is."""
    if options.wait is not None:
        return options.wait
    return options.frame_limit is None and not (sys.stderr and sys.stderr.isatty())


def trust_in(options: CameraOptions, address: Address) -> Trust:
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


def decider_of(options: CameraOptions, source: Source, classifier: Classifier) -> Decider:
    """Steady for cameras and videos; an image, and a run of one frame, has its own answer at once."""
    steady = SteadyDecider(classifier, options.smooth, options.hold, options.conf_off)
    return Decider() if options.frame_limit == 1 or isinstance(source, Stills) else steady


def pace_of(options: CameraOptions, source: Source, on_event: OnEvent) -> Pace:
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


def event_log_of(options: CameraOptions, on_event: OnEvent, *, waits: bool) -> EventLog | None:
    """The file of `--events`; raises what `EventLog` does, and UsageError for the source or the recording."""
    if not options.events:
        return None
    path = expanded(options.events)
    _refuse_itself("--events", path, expanded(options.source))
    if options.record and path.absolute() == expanded(options.record).absolute():
        raise UsageError(f"--events {path}: is the recording itself; choose another name")
    return EventLog(options.events, int(options.events_max_mb * 1e6), on_event, waits=waits)


def check_actions(options: CameraOptions, classifier: Classifier | None = None) -> None:
    """Checks the actions of `--on`, and their labels where there is a classifier; no pin is needed.

    Raises:
        UsageError, MissingInput, PermissionRefused, BadConfiguration: see `rules_of` and `check_labels`.
    """
    if not options.on:
        return
    from .actions.actions import rules_of  # noqa: PLC0415 - which most loops do without
    from .actions.rules import check_labels  # noqa: PLC0415

    rules = rules_of(options.on)
    if classifier:
        card = classifier.card
        check_labels(rules, card.labels, card.background, _model_name(classifier))


def _model_name(classifier: Classifier) -> str:
    return builtin_name(classifier.path) or classifier.path.name


def farewell_of(options: CameraOptions, stop: StopRequest, *, hurries: bool) -> "Farewell | None":
    """The time in which the couriers of `--on`, `--mqtt` and `--inbox` end; None where there are none."""
    if not (options.on or options.mqtt or options.inbox):
        return None
    from .outputs.destination import Farewell  # noqa: PLC0415 - which most loops do without

    return Farewell(stop, hurries=hurries)


def control_of(options: CameraOptions, stop: StopRequest, on_event: OnEvent) -> Control | None:
    """What obeys the commands of `--mqtt-commands`."""
    return Control(stop, on_event) if options.mqtt and options.mqtt_commands else None


def mqtt_of(
    options: CameraOptions, farewell: "Farewell | None", control: Control | None, on_event: OnEvent
) -> "MqttSink | None":
    """What publishes at the broker of `--mqtt`; it is introduced when the model is known."""
    broker = broker_of(options)
    if broker is None or farewell is None:
        return None
    from .mqtt.sink import MqttSink  # noqa: PLC0415 - paho-mqtt, which most loops do without

    return MqttSink(broker, farewell, on_event, control=control)


def introduce(
    classifier: Classifier, page: "PageSink | None", mqtt: "MqttSink | None", actions: "Actions | None"
) -> None:
    """Tells those who watch the camera, by MQTT and as programs, what it is."""
    if not (page or mqtt):
        return
    from importlib.metadata import version  # noqa: PLC0415 - 20 ms

    card = classifier.card
    labels = tuple(label for label in card.labels if label != card.background)
    seen = Seen(_model_name(classifier), version("edgecls"), labels)
    if mqtt:
        mqtt.introduce(seen)
    if page:
        couriers = [sink for sink in (actions, mqtt) if sink]
        page.introduce(seen, lambda: tuple(each for sink in couriers for each in sink.deliveries))


def actions_of(
    options: CameraOptions,
    source: Source,
    classifier: Classifier,
    farewell: "Farewell | None",
    *,
    stop: StopRequest,
    on_event: OnEvent,
) -> "Actions | None":
    """What `--on` starts; raises what `check_actions` and `Actions` do."""
    if not options.on or farewell is None:
        return None
    from .actions.actions import Actions, rules_of  # noqa: PLC0415 - which most loops do without

    check_actions(options, classifier)
    return Actions(
        rules_of(options.on),
        model=_model_name(classifier),
        camera=source.description,
        farewell=farewell,
        on_event=on_event,
        stop=stop,
    )


def recorder_of(
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
    if is_folder(options.record):
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


def inbox_of(
    options: CameraOptions,
    source: Source,
    model: "ModelFile",
    farewell: "Farewell | None",
    on_event: OnEvent,
    *,
    goes_on: bool,
) -> "Inbox | None":
    """What `--inbox` keeps; raises what `Inbox` does."""
    if options.inbox is None or farewell is None:
        return None
    from .inbox.folder import CameraOrigin, InboxFolder  # noqa: PLC0415 - which most loops do without
    from .inbox.sink import Inbox  # noqa: PLC0415

    image = model.card.image
    view = View(view_of(options).roi)  # frames are upright when they come
    origin = CameraOrigin(model.path.name, model.sha256, source.description, image, view, options.roi)
    return Inbox(InboxFolder(options.inbox, origin), farewell, on_event, goes_on=goes_on)


def _refuse_itself(flag: str, path: Path, other: Path) -> None:
    if path.exists() and other.exists() and path.samefile(other):
        raise UsageError(f"{flag} {path}: is the source itself; choose another name")


def is_folder(record: str) -> bool:
    """Whether `--record` names a folder of frames, and not a video."""
    return record.endswith(("/", os.sep)) or expanded(record).is_dir()
