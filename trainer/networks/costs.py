"""What a network costs a device: parameters, operations, and the size of its exported file."""

from ...data.backend import keras
from ...data.keras_files.network import layer_costs
from ...edge_runtime.models.golden import demo_bytes, frames_bytes
from .architectures import build
from .design import Costs, Design

_BYTES_PER_CHANNEL = 28
"""An int32 bias, and float32 scale and int64 zero point for both weights and bias."""
_BYTES_PER_OPERATOR = 1_000
"""For each operator with weights: names and shapes of its tensors, and of the operators between."""
_GRAPH_BYTES = 1_300
_CARD_BYTES = 5_000
"""Without golden frames; mostly the fingerprints of the calibration images."""
_GOLDEN_BYTES_PER_PIXEL = 2.25
"""Of the input: photographs, enlarged, lossless."""


def costs(design: Design, size_px: int, classes: int) -> Costs:
    """Builds a network for square images, and counts."""
    network = build(design, size_px, size_px, classes, is_to_count=True)
    return Costs(network.count_params(), macs(network), int8_bytes(network))


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

    With the card's golden frames, as large as the input and as many as there is room for, and demo pictures.
    """
    bare = network_bytes(network)
    _, height_px, width_px, _ = network.input_shape
    picture_bytes = int(_GOLDEN_BYTES_PER_PIXEL * height_px * width_px)
    classes = network.output_shape[-1]
    golden_bytes = frames_bytes(bare, picture_bytes, classes)
    return bare + _CARD_BYTES + golden_bytes + demo_bytes(bare, golden_bytes, classes, height_px * width_px)
