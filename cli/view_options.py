"""`--roi`, `--rotate` and `--flip`: how the camera's picture is seen."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ..edge_runtime.camera.view import View


RoiText = Annotated[
    str | None,
    typer.Option(
        "--roi",
        help="Classify this region only: x,y,w,h in pixels, or as parts of the sides, such as "
        "0.25,0.0,0.5,1.0; as seen after --rotate and --flip.",
    ),
]
Rotate = Annotated[
    Literal["0", "90", "180", "270"], typer.Option(help="Turn the picture clockwise by so many degrees.")
]
Flip = Annotated[
    Literal["horizontal", "vertical"] | None,
    typer.Option(help="Mirror the picture, after --rotate; horizontal exchanges left and right."),
]


def view_of(roi: str | None, rotate: Rotate, flip: Flip) -> "View":
    """The view that the options ask for.

    Raises:
        UsageError: `roi` is not a region.
    """
    from ..edge_runtime.camera.view import ROTATIONS, View, parse_roi

    return View(parse_roi(roi) if roi else None, ROTATIONS[rotate], flip)
