"""Training on a workstation: networks, fitting, reports, plots. Needs Keras and TensorFlow.

The names below are what the command line takes, each imported when it is first used.
"""

from typing import TYPE_CHECKING

from ..edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .checkpoint import checkpoint_path
    from .feature_pieces import features_elsewhere
    from .networks.catalogue import needs_keras, network_table
    from .networks.design import ARCHITECTURES, check_design
    from .options import absolute_data, train_options
    from .progress import TerminalProgress
    from .train import run_training

__all__ = [
    "ARCHITECTURES",
    "TerminalProgress",
    "absolute_data",
    "check_design",
    "checkpoint_path",
    "features_elsewhere",
    "needs_keras",
    "network_table",
    "run_training",
    "train_options",
]

__getattr__ = lazy_names(
    __name__,
    {
        "ARCHITECTURES": ".networks.design",
        "TerminalProgress": ".progress",
        "absolute_data": ".options",
        "check_design": ".networks.design",
        "checkpoint_path": ".checkpoint",
        "features_elsewhere": ".feature_pieces",
        "needs_keras": ".networks.catalogue",
        "network_table": ".networks.catalogue",
        "run_training": ".train",
        "train_options": ".options",
    },
)
