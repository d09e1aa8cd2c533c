"""From the `.h5` to TFLite and ONNX: conversion, calibration, and the comparison with Keras.

The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .export import ExportOptions, run_export
    from .inputs import read_inputs
    from .report import render

__all__ = ["ExportOptions", "read_inputs", "render", "run_export"]

__getattr__ = lazy_names(
    __name__,
    {
        "ExportOptions": ".export",
        "read_inputs": ".inputs",
        "render": ".report",
        "run_export": ".export",
    },
)
