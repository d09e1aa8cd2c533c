"""Opens a source of frames from the text of `--source`."""

from dataclasses import replace

from ...models.card import ModelCard
from ..event import OnEvent, ignore
from .address import CsiCamera, DemoCamera, Device, ImageFiles, Stream, VideoFile, parse_source
from .capture import Capture
from .capture_process import ANY_AUTHORITY, Trust
from .patience import DEFAULT_PATIENCE, Patience
from .source import Source, Stills
from .video import Video


def open_source(
    text: str,
    *,
    one_shot: bool = False,
    waits: bool | None = None,
    realtime: bool = False,
    card: ModelCard | None = None,
    size_px: tuple[int, int] | None = None,
    on_event: OnEvent = ignore,
    patience: Patience = DEFAULT_PATIENCE,
    trust: Trust = ANY_AUTHORITY,
) -> Source:
    """Returns the source that `text` names; it is opened by a `with` statement.

        with open_source("/dev/video0") as source:
            for frame in source:
                print(frame.sequence, frame.pixels.shape)

    Args:
        text: a camera's index or device path, `csi`, `demo`, a video, an image, a folder or glob of images,
            or an rtsp(s) or http(s) URL.
        one_shot: for a live source: whether its end is the end, and its failure an error; otherwise it is
            opened again whenever it fails, without limit.
        waits: for a live source: whether one that fails before its first frame is opened again; None: unless
            `one_shot`.
        realtime: for a video: whether it plays at its own rate, as a camera does, and skips the frames that
            are due while nobody reads; otherwise each read returns the next frame at once.
        card: for `demo`: the card of the model whose golden frames it shows.
        size_px: minimum (width, height) for a camera of this computer; None: its current mode.
        on_event: gets the events of the source, in the thread that reads it.
        patience: timeouts and pauses of a live source.
        trust: which certificates of a network camera are trusted.

    Raises:
        UsageError: not a source; or `demo` without a card that has golden frames.
        MissingInput: no such file, or no match of a glob.
        PermissionRefused: the path may not be read.
    """
    match parse_source(text):
        case DemoCamera() as demo:
            address = replace(demo, scenes=_scenes(card))
            return Capture(address, one_shot=one_shot, waits=waits, on_event=on_event, patience=patience)
        case Device() | CsiCamera() | Stream() as address:
            return Capture(
                address,
                one_shot=one_shot,
                waits=waits,
                on_event=on_event,
                patience=patience,
                least_px=size_px,
                trust=trust,
            )
        case VideoFile() as video:
            return Video(video.path, realtime=realtime)
        case ImageFiles() as images:
            return Stills(images, on_event)


def _scenes(card: ModelCard | None) -> str:
    from .demo import demo_scenes  # noqa: PLC0415 - draws with OpenCV, for the demo camera alone

    return demo_scenes(card)
