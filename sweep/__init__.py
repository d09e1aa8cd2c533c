"""Work on many machines by Ray: many trainings and the best of their files, or the pieces of one training.

Needs Ray and Keras. The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .folder import PLOT, RESULTS
    from .grid import Grid
    from .pieces import on_cluster
    from .report import Limits, nearest_to, render
    from .sweep import SweepOptions, run_sweep

__all__ = [
    "PLOT",
    "RESULTS",
    "Grid",
    "Limits",
    "SweepOptions",
    "nearest_to",
    "on_cluster",
    "render",
    "run_sweep",
]

__getattr__ = lazy_names(
    __name__,
    {
        "PLOT": ".folder",
        "RESULTS": ".folder",
        "Grid": ".grid",
        "Limits": ".report",
        "SweepOptions": ".sweep",
        "nearest_to": ".report",
        "on_cluster": ".pieces",
        "render": ".report",
        "run_sweep": ".sweep",
    },
)
