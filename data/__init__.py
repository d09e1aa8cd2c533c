"""Data sets: layouts, reading, splits, near-duplicates. Shared by trainer, export and benchmarks.

The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .answers import AnswersByFolder
    from .backend import backend_version
    from .model_data import report_folder, report_path, training_data
    from .prepared.folder import cache_use, clear_cache, parse_size, set_cache_limit

__all__ = [
    "AnswersByFolder",
    "backend_version",
    "cache_use",
    "clear_cache",
    "parse_size",
    "report_folder",
    "report_path",
    "set_cache_limit",
    "training_data",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AnswersByFolder": ".answers",
        "backend_version": ".backend",
        "cache_use": ".prepared.folder",
        "clear_cache": ".prepared.folder",
        "parse_size": ".prepared.folder",
        "set_cache_limit": ".prepared.folder",
        "report_folder": ".model_data",
        "report_path": ".model_data",
        "training_data": ".model_data",
    },
)
