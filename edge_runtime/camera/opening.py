"""From the text of `--source` to a source of frames."""

from .capture import DEFAULT_PATIENCE, Capture, Patience
from .event import OnEvent, ignore
from .source import Source
from .source_address import Device, ImageFiles, Stream, VideoFile, parse_source
from .stills import Stills
from .video import Video


def open_source(
    text: str, *, one_shot: bool, on_event: OnEvent = ignore, patience: Patience = DEFAULT_PATIENCE
) -> Source:
    """Finds out what `text` names, and gives the source that reads it once it is entered.

        with open_source("/dev/video0", one_shot=False) as source:
            while frame := source.read(timeout_s=10):
                print(frame.sequence, frame.pixels.shape)

    Args:
        text: a camera's index or device path, a video, an image, a folder or glob of images, or an
            rtsp(s) or http(s) address.
        one_shot: for a live source: whether its end, or its absence, is the end; otherwise it is waited for.
        on_event: what happens to the source on the way.
        patience: the deadlines of a live source.

    Raises:
        UsageError, MissingInput, PermissionRefused: see `parse_source`.
    """
    match parse_source(text):
        case Device() | Stream() as address:
            return Capture(address, one_shot=one_shot, on_event=on_event, patience=patience)
        case VideoFile() as video:
            return Video(video.path)
        case ImageFiles() as images:
            return Stills(images, on_event)
