"""From the `.h5` to TFLite and ONNX: conversion, calibration, and the comparison with Keras.

The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .adoption.adopt import AdoptOptions, run_adopt
    from .adoption.keras import search_keras
    from .adoption.report import render_adoption
    from .adoption.stranger import StrangerOptions, is_keras
    from .conversion import ExportOptions
    from .earlier import check_earlier, planned_kinds
    from .export import run_export
    from .inputs import check_judged, read_formats, read_inputs
    from .report import render

__all__ = [
    "AdoptOptions",
    "ExportOptions",
    "StrangerOptions",
    "check_earlier",
    "check_judged",
    "is_keras",
    "planned_kinds",
    "read_formats",
    "read_inputs",
    "render",
    "render_adoption",
    "run_adopt",
    "run_export",
    "search_keras",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AdoptOptions": ".adoption.adopt",
        "ExportOptions": ".conversion",
        "StrangerOptions": ".adoption.stranger",
        "check_earlier": ".earlier",
        "check_judged": ".inputs",
        "planned_kinds": ".earlier",
        "read_formats": ".inputs",
        "read_inputs": ".inputs",
        "render": ".report",
        "render_adoption": ".adoption.report",
        "is_keras": ".adoption.stranger",
        "run_adopt": ".adoption.adopt",
        "search_keras": ".adoption.keras",
        "run_export": ".export",
    },
)
