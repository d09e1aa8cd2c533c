"""The table of `edgecls train --list`: what each network costs a device, and the accuracy to expect."""

from dataclasses import dataclass

from ...data.backend import keras
from ...data.keras_network import layer_costs
from ...edge_runtime.text import Heading, table
from .architectures import build
from .design import ARCHITECTURES, Design, check_design


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


@dataclass(frozen=True)
class Row:
    """One network."""

    arch: str
    parameters: int
    macs: int
    """Multiply-accumulates for one image."""
    int8_bytes: int
    """Approximate size of the TFLite file of `edgecls export --int8`; see `int8_bytes`."""
    expected: Expected | None


_BYTES_PER_CHANNEL = 28
"""An int32 bias, and float32 scale and int64 zero point for both weights and bias."""
_BYTES_PER_OPERATOR = 1_000
"""For each operator with weights: names and shapes of its tensors, and of the operators between."""
_GRAPH_BYTES = 1_300
_CARD_BYTES = 5_000
"""Without golden frames; mostly the fingerprints of the calibration images."""
_GOLDEN_BYTES_PER_PIXEL = 3
"""Of the input: photographs, enlarged, lossless, as text."""
_MOST_GOLDEN_FRAMES, _LEAST_GOLDEN_BYTES = 8, 8 * 1024
"""As in `export/golden.py`, which gives them these bytes or about a tenth of the network's."""

HEADERS = (
    "--arch",
    "parameters",
    Heading("multiply-accumulates", -1),
    "int8 TFLite",
    "accuracy",
    "recipe",
    Heading("epochs", -2),
)


def rows(size_px: int, classes: int) -> tuple[Row, ...]:
    """Returns each network in its default depth and width, for square images.

    Raises:
        UsageError: the images are too small for one.
    """
    for arch in ARCHITECTURES:
        check_design(Design(arch), size_px, size_px)
    return tuple(_row(arch, build(Design(arch), size_px, size_px, classes)) for arch in ARCHITECTURES)


def network_table(size_px: int, classes: int, width: int | None = None) -> str:
    """The rows as a table, and the conditions under which they hold."""
    cells = [_cells(row) for row in rows(size_px, classes)]
    return (
        f"{table(HEADERS, cells, width)}\n\n"
        f"for images of {size_px}x{size_px} px and {classes} classes\n"
        "int8 TFLite: approximate size of the exported file\n"
        "accuracy: of the int8 file, on the test images of CIFAR-10"
    )


def macs(network: keras.Model) -> int:
    """Returns the multiply-accumulates for one image, as `edgecls inspect` counts them in the saved file."""
    return sum(done.macs for done in layer_costs(network))


def network_bytes(network: keras.Model) -> int:
    """Estimates the size of the int8 TFLite file without its card, which MLPerf Tiny states for its models.

    A byte for each number in a kernel, plus the constants above. They were fitted to the six networks for
    32x32 px and 10 classes, and are within 2 % for each.
    """
    weighted = [done for done in layer_costs(network) if done.weights]
    kernels = sum(done.weights for done in weighted)
    channels = sum(done.shape[-1] or 0 for done in weighted)
    return kernels + _BYTES_PER_CHANNEL * channels + _BYTES_PER_OPERATOR * len(weighted) + _GRAPH_BYTES


def int8_bytes(network: keras.Model) -> int:
    """Estimates the size of the TFLite file of `edgecls export --int8`, with its card, within a tenth.

    The card's golden frames are as large as the input, and as many as `export/golden.py` has room for.
    """
    bare = network_bytes(network)
    _, height_px, width_px, _ = network.input_shape
    frame_bytes = _GOLDEN_BYTES_PER_PIXEL * height_px * width_px
    frames = min(_MOST_GOLDEN_FRAMES, max(_LEAST_GOLDEN_BYTES, bare // 10) // frame_bytes)
    return bare + _CARD_BYTES + frames * frame_bytes


def _row(arch: str, network: keras.Model) -> Row:
    return Row(arch, network.count_params(), macs(network), int8_bytes(network), EXPECTED.get(arch))


def _cells(row: Row) -> tuple[str, ...]:
    expected = row.expected
    return (
        row.arch,
        f"{row.parameters:,}",
        f"{row.macs:,}",
        f"{row.int8_bytes / 1000:,.0f} kB",
        f"{expected.accuracy:.3f}" if expected else "-",
        expected.recipe if expected else "-",
        str(expected.epochs) if expected else "-",
    )
