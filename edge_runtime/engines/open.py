"""Opens the engine that runs a model file, once the file has passed its trial."""

from ..models.model_file import ModelFile
from ..models.trial import check_model
from .engine import Engine, check_against_card, check_runnable, start_engine
from .names import EngineName


def open_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """Opens the engine that runs this file's format, and checks the network against its card.

    Raises:
        UsageError: the engine that was asked for does not run this format.
        Unavailable: the engine is not installed.
        BadModel: the file does not pass `check_model`, or its shapes are not what the card says.
    """
    check_runnable(model, engine)
    check_model(model)
    return open_own_engine(model, engine, threads)


def open_own_engine(model: ModelFile, engine: EngineName = "auto", threads: int = 1) -> Engine:
    """`open_engine` for a file that this process has made, which needs no trial."""
    opened = start_engine(model, engine, threads)
    check_against_card(opened, model)
    return opened
