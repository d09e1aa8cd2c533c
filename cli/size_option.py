"""`--size`: how large a camera's pictures shall be."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..edge_runtime.camera.sources.source import Source
    from ..edge_runtime.images.rule import ImageRule


Size = Annotated[
    str | None,
    typer.Option(
        help="The size to ask a camera of this computer for, such as 640x480; by default four times the "
        "network's side, and 640x480 where somebody watches or records."
    ),
]


def size_px_of(size: str | None) -> tuple[int, int] | None:
    """(width, height) in pixels.

    Raises:
        UsageError: not a size.
    """
    from ..edge_runtime.camera.sources.address import parse_size

    return parse_size(size) if size else None


def set_default_size(frames: "Source", rule: "ImageRule", *, is_watched: bool) -> None:
    """Has a camera give what the network needs, where no size was asked for."""
    from ..edge_runtime.camera.sources.address import least_size_px
    from ..edge_runtime.camera.sources.capture import Capture

    if isinstance(frames, Capture) and frames.least_px is None:
        frames.least_px = least_size_px(rule, is_watched=is_watched)
