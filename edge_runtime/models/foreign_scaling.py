"""How a foreign network's pixels are scaled: as its file says, or else as the user does."""

import shlex
from collections.abc import Callable

import numpy as np

from ..engines.tensors import fits
from ..errors import UsageError
from ..images.picture_options import SCALINGS, PictureOptions
from ..inspection.stated import Stated
from .card import Offset, Scale


def unknown_scaling(name: str, unclear: str = "") -> UsageError:
    """Returns the error for a file of which nobody says how its pixels are scaled; see `scaling_of`."""
    why = unclear or "does not say which pixels it was trained on"
    adopt = f", or let `edgecls adopt {shlex.quote(name)} --labels LABELS --data FOLDER` find out"
    remedy = f"add --scale 0..1, -1..1 or 0..255, or --mean and --std{adopt}"
    return UsageError(f"{name}: {why}; {remedy}")


def scaling_of(
    said: Stated,
    picture_options: PictureOptions,
    name: str,
    on_note: Callable[[str], None],
    on_warning: Callable[[str], None],
) -> tuple[Scale, Offset]:
    """Returns the (scale, offset) that a network was trained on, as its file says, or else the user.

    Where they do not say the same, the user is right: metadata may be another tool's default, and first
    operators may be misread. But an input of integers holds no other values than those of its own range.

    Args:
        said: by the file.
        picture_options: of the user.
        name: what messages call the file.
        on_note: called with what the file says.
        on_warning: called where the user says something else.

    Raises:
        UsageError: neither says it, or what the user says is not in the range of the input.
    """
    wanted, typed = picture_options.scaling, picture_options.scaling_text
    if said.takes_bytes:
        if wanted:
            on_warning(f"{name}: takes bytes, and scales them itself; {typed} has no effect")
        return SCALINGS["0..255"]
    if wanted is None and said.options and said.options.scaling:
        on_note(f"{name}: takes {said.options.scaling_text}, by {said.by}")
        return said.options.scaling
    if wanted is None:
        raise unknown_scaling(name, said.unclear)
    if said.ends and not fits(said.ends, picture_options.ends):
        low, high = said.ends
        remedy = f"leave it out: it takes {said.options.scaling_text}" if said.options else "check it"
        raise UsageError(
            f"{name}: {typed} does not fit its quantised input, from {low:.4g} to {high:.4g}; {remedy}"
        )
    if said.options and said.options.scaling and not _are_alike(said.options, picture_options):
        on_warning(f"{name}: takes {said.options.scaling_text}, by {said.by}; using {typed}")
    return wanted


def _are_alike(one: PictureOptions, other: PictureOptions) -> bool:
    """Whether both make the same of a pixel, but for a step of one in 255."""
    shown = [
        np.stack([np.broadcast_to(each, 3) for each in options.scaling or (1, 0)]) for options in (one, other)
    ]
    pixels = np.array([[0.0, 1.0], [255.0, 1.0]])
    first, second = (pixels @ each for each in shown)
    return bool(np.abs(first - second).max() <= np.ptp(first) / 128)
