"""The tables of `edgecls train --list`: what each network costs a device, and the accuracy to expect.

One is of the networks that are trained from nothing, one of the pretrained ones. For the usual sizes the
figures stand here; for another, `costs.py` builds the networks, and Keras is loaded.
"""

from dataclasses import dataclass

from ...edge_runtime.text_table import Heading, table
from .design import ARCHITECTURES, Costs, Design, check_design


@dataclass(frozen=True)
class Expected:
    """The result of a training, on the test images of CIFAR-10 as JPEG files, or on the guide's pictures."""

    accuracy: float
    """Top-1 of the int8 TFLite file, 0 to 1."""
    recipe: str
    epochs: int | None = None


EXPECTED: dict[str, Expected] = {
    "cnn": Expected(0.7079, "documented", 10),
    "resnet8": Expected(0.8451, "best", 80),
    "nano": Expected(0.8487, "best, --teacher edge.h5", 60),
    "edge": Expected(0.8961, "best", 40),
}
"""By architecture, in its default depth and width, as in docs/results/networks.md; the others are not
measured."""

EXPECTED_OF_PRETRAINED: dict[str, Expected] = {
    "lite0-4": Expected(0.963, "tuned"),
    "lite0-5": Expected(0.93, "frozen"),
    "lite0": Expected(0.986, "frozen"),
}
"""At 96 px, on the pictures of docs/results/own-pictures.md: five classes, 1,650 training images."""

PI5_INSTRUCTIONS = {
    "lite0-4": 6_500_000,
    "lite0-5": 8_800_000,
    "lite0": 12_100_000,
    "mobilenetv2 --width 0.35": 3_300_000,
}
"""For an image of 96x96 px, by name in `LISTED`; the others are not measured."""


LISTED = {
    f"{arch} --width {width:g}" if width else arch: Design(arch, width=width)
    for arch, known in ARCHITECTURES.items()
    for width in known.pretrained_widths or (None,)
}
"""What is listed, by what is typed for it: networks in their default depth and width, or in all their widths
where these are few."""

USUAL_SIZE_PX, PRETRAINED_SIZE_PX, USUAL_CLASSES = 32, 96, 10
USUAL_COSTS = {
    "cnn": Costs(122_570, 4_548_608, 150_784),
    "resnet8": Costs(78_666, 12_501_632, 110_412),
    "resnet": Costs(274_042, 40_813_184, 359_805),
    "mobilenet": Costs(2_270_794, 87_976_448, 2_781_617),
    "nano": Costs(74_482, 12_067_456, 101_068),
    "edge": Costs(465_386, 76_383_488, 536_457),
    "lite0-4": Costs(262_986, 28_885_472, 473_317),
    "lite0-5": Costs(718_058, 44_683_168, 1_067_985),
    "lite0-6": Costs(2_389_546, 61_427_424, 3_200_356),
    "lite0": Costs(3_425_834, 70_526_432, 4_334_340),
    "mobilenetv2 --width 0.35": Costs(423_018, 10_666_928, 748_173),
    "mobilenetv2 --width 0.5": Costs(719_034, 17_618_240, 1_119_606),
    "mobilenetv2 --width 0.75": Costs(1_394_874, 38_178_272, 2_025_234),
    "mobilenetv2 --width 1": Costs(2_270_794, 55_021_952, 3_087_452),
}
"""By name in `LISTED`, for images of the usual size, as `costs.costs` counts; a test compares them."""

_COSTS_HEADERS = ("--arch", "parameters", Heading("multiply-accumulates", -1), "int8 TFLite")
_HEADERS = (*_COSTS_HEADERS, "accuracy", "recipe", Heading("epochs", -2))
_PRETRAINED_HEADERS = (*_COSTS_HEADERS, "Pi 5 instructions", "accuracy", "recipe")


def usual_size_px(design: Design) -> int:
    """Returns the side of the images that a network takes where nothing else is asked for."""
    return PRETRAINED_SIZE_PX if ARCHITECTURES[design.arch].is_pretrained else USUAL_SIZE_PX


def needs_keras(size_px: int | None, classes: int) -> bool:
    """Whether the figures for images of this size are not known without building the networks."""
    return size_px is not None or classes != USUAL_CLASSES


def all_costs(size_px: int | None, classes: int) -> dict[str, Costs]:
    """Returns what each network costs, for square images; None is each network's usual size.

    Raises:
        UsageError: the images are too small for one.
        Unavailable: Keras is needed, and not installed.
    """
    sizes_px = {name: size_px or usual_size_px(design) for name, design in LISTED.items()}
    for name, design in LISTED.items():
        check_design(design, sizes_px[name], sizes_px[name])
    if not needs_keras(size_px, classes):
        return USUAL_COSTS
    from .costs import costs  # noqa: PLC0415 - loads Keras, which takes seconds

    return {name: costs(design, sizes_px[name], classes) for name, design in LISTED.items()}


def network_table(size_px: int | None, classes: int, width: int | None = None) -> str:
    """The networks in two tables, and the conditions under which the figures hold; raises as `all_costs`."""
    found = all_costs(size_px, classes)
    pretrained = [name for name, design in LISTED.items() if ARCHITECTURES[design.arch].is_pretrained]
    others = [_cells(name, found[name]) for name in LISTED if name not in pretrained]
    cells = [_pretrained_cells(name, found[name], size_px) for name in pretrained]
    side_px, pretrained_px = size_px or USUAL_SIZE_PX, size_px or PRETRAINED_SIZE_PX
    return (
        f"Trained from nothing, for images of {side_px}x{side_px} px and {classes} classes:\n"
        f"{table(_HEADERS, others, width)}\n\n"
        "accuracy: of the int8 file, on the test images of CIFAR-10\n\n"
        f"Pretrained on ImageNet, for images of {pretrained_px}x{pretrained_px} px and {classes} classes:\n"
        f"{table(_PRETRAINED_HEADERS, cells, width)}\n\n"
        "accuracy: of the int8 file at 96 px, on the guide's five classes of 330 pictures\n"
        "int8 TFLite: estimated file size, within a tenth; nano for CIFAR-10 has 98 kB"
    )


def _costs_cells(name: str, found: Costs) -> tuple[str, ...]:
    return name, f"{found.parameters:,}", f"{found.macs:,}", f"{found.int8_bytes / 1000:,.0f} kB"


def _cells(name: str, found: Costs) -> tuple[str, ...]:
    expected = EXPECTED.get(name)
    return (
        *_costs_cells(name, found),
        f"{expected.accuracy:.3f}" if expected else "-",
        expected.recipe if expected else "-",
        str(expected.epochs) if expected else "-",
    )


def _pretrained_cells(name: str, found: Costs, size_px: int | None) -> tuple[str, ...]:
    expected = EXPECTED_OF_PRETRAINED.get(name)
    instructions = (
        PI5_INSTRUCTIONS.get(name) if (size_px or PRETRAINED_SIZE_PX) == PRETRAINED_SIZE_PX else None
    )
    return (
        *_costs_cells(name, found),
        f"{instructions / 1e6:.1f} M" if instructions else "-",
        f"{expected.accuracy:.3f}" if expected else "-",
        expected.recipe if expected else "-",
    )
