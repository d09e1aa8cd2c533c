"""The table of `edgecls train --list`: what each network costs a device, and the accuracy to expect.

For the usual size the figures stand here; for another, `costs.py` builds the networks, and Keras is loaded.
"""

from dataclasses import dataclass

from ...edge_runtime.text import Heading, table
from .design import ARCHITECTURES, Costs, Design, check_design


@dataclass(frozen=True)
class Expected:
    """The result of a training, on the test images of CIFAR-10 as JPEG files."""

    accuracy: float
    """Top-1 of the int8 TFLite file, 0 to 1."""
    recipe: str
    epochs: int


EXPECTED: dict[str, Expected] = {
    "cnn": Expected(0.7079, "documented", 10),
    "resnet8": Expected(0.8451, "best", 80),
    "nano": Expected(0.8487, "best, --teacher edge.h5", 60),
    "edge": Expected(0.8961, "best", 40),
}
"""By architecture, in its default depth and width, as in docs/results/networks.md; the others are not
measured."""


LISTED = {
    f"{arch} --width {width:g}" if width else arch: Design(arch, width=width)
    for arch, known in ARCHITECTURES.items()
    for width in known.pretrained_widths or (None,)
}
"""What is listed, by what is typed for it: networks in their default depth and width, or in all their widths
where these are few."""

USUAL_SIZE_PX, USUAL_CLASSES = 32, 10
USUAL_COSTS = {
    "cnn": Costs(122_570, 4_548_608, 150_784),
    "resnet8": Costs(78_666, 12_501_632, 110_412),
    "resnet": Costs(274_042, 40_813_184, 359_805),
    "mobilenet": Costs(2_270_794, 87_976_448, 2_781_617),
    "nano": Costs(74_482, 12_067_456, 101_068),
    "edge": Costs(465_386, 76_383_488, 536_457),
    "lite0-4": Costs(262_986, 3_210_208, 434_769),
    "lite0-5": Costs(718_058, 4_965_792, 994_457),
    "lite0-6": Costs(2_389_546, 6_826_976, 2_894_521),
    "lite0": Costs(3_425_834, 7_847_648, 4_028_505),
    "mobilenetv2 --width 0.35": Costs(423_018, 1_196_592, 693_457),
    "mobilenetv2 --width 0.5": Costs(719_034, 1_968_960, 1_043_041),
    "mobilenetv2 --width 0.75": Costs(1_394_874, 4_253_408, 1_816_033),
    "mobilenetv2 --width 1": Costs(2_270_794, 6_124_928, 2_781_617),
}
"""By name in `LISTED`, for images of the usual size, as `costs.costs` counts; a test compares them."""

HEADERS = (
    "--arch",
    "parameters",
    Heading("multiply-accumulates", -1),
    "int8 TFLite",
    "accuracy",
    "recipe",
    Heading("epochs", -2),
)


def needs_keras(size_px: int, classes: int) -> bool:
    """Whether the figures for images of this size are not known without building the networks."""
    return (size_px, classes) != (USUAL_SIZE_PX, USUAL_CLASSES)


def all_costs(size_px: int, classes: int) -> dict[str, Costs]:
    """Returns what each network costs, for square images.

    Raises:
        UsageError: the images are too small for one.
        Unavailable: Keras is needed, and not installed.
    """
    for design in LISTED.values():
        check_design(design, size_px, size_px)
    if not needs_keras(size_px, classes):
        return USUAL_COSTS
    from .costs import costs  # noqa: PLC0415 - loads Keras, which takes seconds

    return {name: costs(design, size_px, classes) for name, design in LISTED.items()}


def network_table(size_px: int, classes: int, width: int | None = None) -> str:
    """The networks as a table, and the conditions under which its figures hold; raises as `all_costs`."""
    cells = [_cells(name, found) for name, found in all_costs(size_px, classes).items()]
    return (
        f"{table(HEADERS, cells, width)}\n\n"
        f"for images of {size_px}x{size_px} px and {classes} classes\n"
        "int8 TFLite: estimated file size, within a tenth; nano for CIFAR-10 has 98 kB\n"
        "accuracy: of the int8 file, on the test images of CIFAR-10"
    )


def _cells(name: str, found: Costs) -> tuple[str, ...]:
    expected = EXPECTED.get(name)
    return (
        name,
        f"{found.parameters:,}",
        f"{found.macs:,}",
        f"{found.int8_bytes / 1000:,.0f} kB",
        f"{expected.accuracy:.3f}" if expected else "-",
        expected.recipe if expected else "-",
        str(expected.epochs) if expected else "-",
    )
