"""Compares every exported file with the Keras original: size, accuracy, latency, first label, memory.

Works on a device without TensorFlow too: what is relative to Keras is then left open. The names below are
what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .corruptions.plot import check_plots, write_plots
    from .corruptions.report import CORRUPTION_FIGURES, CorruptionReport, render_corruptions
    from .corruptions.run import bench_corruptions
    from .earlier import read_earlier, render_changes
    from .page.page import check_folder, write_report
    from .report import BenchReport, choose, render, why_train_again
    from .run import bench, check_measured
    from .scaling.plot import write_scaling_plot
    from .scaling.report import ScalingReport, render_scaling
    from .scaling.run import bench_scaling
    from .thresholds import Threshold, check_figures, check_thresholds, parse_thresholds

__all__ = [
    "CORRUPTION_FIGURES",
    "BenchReport",
    "CorruptionReport",
    "ScalingReport",
    "Threshold",
    "bench",
    "bench_corruptions",
    "bench_scaling",
    "check_figures",
    "check_folder",
    "check_measured",
    "check_plots",
    "check_thresholds",
    "choose",
    "parse_thresholds",
    "read_earlier",
    "render",
    "render_changes",
    "render_corruptions",
    "render_scaling",
    "why_train_again",
    "write_plots",
    "write_report",
    "write_scaling_plot",
]

__getattr__ = lazy_names(
    __name__,
    {
        "CORRUPTION_FIGURES": ".corruptions.report",
        "BenchReport": ".report",
        "CorruptionReport": ".corruptions.report",
        "ScalingReport": ".scaling.report",
        "Threshold": ".thresholds",
        "bench": ".run",
        "bench_corruptions": ".corruptions.run",
        "bench_scaling": ".scaling.run",
        "check_figures": ".thresholds",
        "check_folder": ".page.page",
        "check_measured": ".run",
        "check_plots": ".corruptions.plot",
        "check_thresholds": ".thresholds",
        "choose": ".report",
        "parse_thresholds": ".thresholds",
        "read_earlier": ".earlier",
        "render": ".report",
        "render_changes": ".earlier",
        "render_corruptions": ".corruptions.report",
        "render_scaling": ".scaling.report",
        "why_train_again": ".report",
        "write_plots": ".corruptions.plot",
        "write_report": ".page.page",
        "write_scaling_plot": ".scaling.plot",
    },
)
