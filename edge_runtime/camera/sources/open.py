"""From the text of `--source` to a source of frames."""

from dataclasses import replace

from ...models.card import ModelCard
from ..event import OnEvent, ignore
from .address import CsiCamera, DemoCamera, Device, ImageFiles, Stream, VideoFile, parse_source
from .capture import DEFAULT_PATIENCE, Capture, Patience
from .source import Source, Stills
from .video import Video


def open_source(
    text: str,
    *,
    one_shot: bool = False,
    realtime: bool = False,
    card: ModelCard | None = None,
    size_px: tuple[int, int] | None = None,
    on_event: OnEvent = ignore,
    patience: Patience = DEFAULT_PATIENCE,
) -> Source:
    """Finds out what `text` names, and gives the source that reads it once it is entered.

        with open_source("/dev/video0") as source:
            for frame in source:
                print(frame.sequence, frame.pixels.shape)

    Args:
        text: a camera's index or device path, `csi`, `demo`, a video, an image, a folder or glob of images,
            or an rtsp(s) or http(s) address.
        one_shot: for a live source: whether its end, or its absence, is the end; otherwise it is waited for.
        realtime: for a video: whether it plays at its own rate, as a camera does, and frames that fall due
            while nobody reads are skipped; otherwise every frame is given as soon as it is asked for.
        card: for `demo`: of the model whose golden frames it shows.
        size_px: the (width, height) that a camera of this computer should give at least; None: as it is set.
        on_event: what happens to the source on the way.
        patience: the deadlines of a live source.

    Raises:
        UsageError, MissingInput, PermissionRefused: see `parse_source`, and `demo_scenes` for `demo`.
    """
    match parse_source(text):
        case DemoCamera() as demo:
            address = replace(demo, scenes=_scenes(card))
            return Capture(address, one_shot=one_shot, on_event=on_event, patience=patience)
        case Device() | CsiCamera() | Stream() as address:
            return Capture(address, one_shot=one_shot, on_event=on_event, patience=patience, least_px=size_px)
        case VideoFile() as video:
            return Video(video.path, realtime=realtime)
        case ImageFiles() as images:
            return Stills(images, on_event)


def _scenes(card: ModelCard | None) -> str:
    # Drawing is for the demo camera alone.
    from .demo import demo_scenes  # noqa: PLC0415

    return demo_scenes(card)
