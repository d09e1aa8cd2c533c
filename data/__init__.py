"""Data sets: layouts, reading, splits, near-duplicates. Shared by trainer, export and benchmarks.

The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .backend import backend_version
    from .model_data import report_folder, report_path, training_data

__all__ = ["backend_version", "report_folder", "report_path", "training_data"]

__getattr__ = lazy_names(
    __name__,
    {
        "backend_version": ".backend",
        "report_folder": ".model_data",
        "report_path": ".model_data",
        "training_data": ".model_data",
    },
)
