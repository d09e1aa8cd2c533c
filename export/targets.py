"""The files that an export can make: TFLite and ONNX, each as float32, int8, float16 or dynamic."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import UsageError
from ..edge_runtime.models.card import ModelCard
from ..edge_runtime.models.model_file import ModelFormat
from .calibration import Calibration
from .contract import Io
from .earlier import FORMATS, Kind, exported_path, planned_kinds
from .onnx import dynamic_onnx, float16_onnx, float_onnx, to_onnx
from .onnx_int8 import Int8Onnx, int8_onnx
from .tflite import dynamic_tflite, float16_tflite, float_tflite
from .tflite_int8 import Int8Tflite, int8_tflite

_CONVERT: dict[tuple[ModelFormat, Kind], Any] = {
    (ModelFormat.TFLITE, "float32"): float_tflite,
    (ModelFormat.TFLITE, "float16"): float16_tflite,
    (ModelFormat.TFLITE, "dynamic"): dynamic_tflite,
    (ModelFormat.TFLITE, "int8"): int8_tflite,
    (ModelFormat.ONNX, "float32"): float_onnx,
    (ModelFormat.ONNX, "float16"): float16_onnx,
    (ModelFormat.ONNX, "dynamic"): dynamic_onnx,
    (ModelFormat.ONNX, "int8"): int8_onnx,
}
_INT8_NETWORKS = {ModelFormat.TFLITE: Int8Tflite, ModelFormat.ONNX: Int8Onnx}


@dataclass(frozen=True)
class Target:
    """One file to make: its format, the numbers in it, and what it takes and gives."""

    format: ModelFormat
    kind: Kind = "float32"
    io: Io = "uint8"

    def path_for(self, original: Path) -> Path:
        """Returns the path beside the original: `pets_int8.tflite` for `pets.h5`."""
        return exported_path(original, self.kind, self.format)

    def convert(self, network: Any, card: ModelCard, calibration: Calibration | None) -> bytes:
        """Returns the file without its card; raises BadModel if the format cannot express the network.

        Args:
            network: of `converted`, for this format.
            card: of the original.
            calibration: for int8.
        """
        convert = _CONVERT[self.format, self.kind]
        if self.kind == "int8":
            return convert(network, card, calibration, self.io)
        return convert(network, card, self.io)

    def int8_network(self, network: Any, card: ModelCard, calibration: Calibration) -> Int8Tflite | Int8Onnx:
        """Returns the calibrated network that the int8 ladder climbs on."""
        return _INT8_NETWORKS[self.format](network, card, calibration, self.io)


def converted(network: Any, card: ModelCard, format_: ModelFormat) -> Any:
    """Returns what `Target.convert` takes: a Keras network for TFLite, an `OnnxNetwork` for ONNX.

    Raises:
        Inexpressible: ONNX cannot express the network.
    """
    return to_onnx(network, card) if format_ is ModelFormat.ONNX else network


def targets(
    kinds: tuple[Kind, ...], io: Io = "uint8", formats: tuple[ModelFormat, ...] = ()
) -> tuple[Target, ...]:
    """Returns the files of an export: float32 and these kinds, each in these formats; none are all `FORMATS`.

    Raises:
        UsageError: `io` is int8 and `kinds` has no int8.
    """
    if io == "int8":  # float files neither take nor give integers
        if "int8" not in kinds:
            raise UsageError("--io int8: only int8 files take and give int8; add --int8")
        if len(kinds) > 1:
            other = next(kind for kind in kinds if kind != "int8")
            raise UsageError(f"--{other}: has no effect with --io int8; leave one of them out")
    return tuple(
        Target(format_, kind, io) for kind in planned_kinds(kinds, io) for format_ in formats or FORMATS
    )
