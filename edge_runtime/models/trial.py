"""Trial: a model file is opened and run once in a process with limits before this process touches it.

A parser or an engine may crash on a hostile file, never return, or take all memory, sealed or not. There it
is one line; see `ask_worker`. A file that has passed is remembered by its digest (`passed.py`).
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engines.engine import Engine, check_against_card, start_engine
from ..errors import BadModel, EdgeclsError
from ..files import write_whole
from ..limits import TENSOR_BYTES, allow_memory
from ..workers import TRIAL_TIME_S, ask_worker
from .builtin import builtin_name
from .model_file import ModelFile, ModelFormat, content_sha256, model_format, read_card, read_model
from .passed import has_passed, remember
from .signature import SigningKey, is_trusted

if TYPE_CHECKING:
    from ..inspection.facts import NetworkFacts

_ENOUGH_S = 10.0
"""Processor time of the process after which a slow network is shown no more pictures."""
_SEED = 0


def check_model(model: ModelFile) -> None:
    """Lets an exported file prove that it can be opened and run, unless that is known already.

    It is of a built-in model, of a file that passed before or was exported on this machine, of one that is
    signed by a key that the user trusts, and of a foreign one, which has a trial of its own.

    Raises:
        BadModel: it cannot be opened or run, crashes, takes too long or too much memory.
        Unavailable: its engine is not installed.
        UsageError: an `.h5`, which no engine runs.
    """
    if (
        model.is_foreign
        or builtin_name(model.path)
        or has_passed(model.sha256, "run")
        or is_trusted(model.content)
    ):
        return
    ask_worker(try_out, model.content, str(model.path), more_bytes=TENSOR_BYTES, time_s=TRIAL_TIME_S)
    remember(model.sha256, "run")


def sign_file(path: Path, key: SigningKey) -> None:
    """Signs a model file of edgecls in its place; an exported one has to pass its trial first.

    Raises:
        BadModel: it is damaged, foreign, or fails its trial.
        MissingInput, OutputFailed, PermissionRefused: it cannot be read or written.
        Unavailable: what reads it is not installed.
    """
    model = read_model(path)
    if model.format is not ModelFormat.H5:
        check_model(model)
    content = key.sign(model)
    write_whole(path, content)
    if has_passed(model.sha256, "run"):
        remember(content_sha256(content), "run")


def try_out(content: bytes, name: str) -> None:
    """Opens and runs a model with a card; called in a process with limits.

    Raises:
        BadModel: it cannot be opened or run, or is not what its card says.
        Unavailable: its engine is not installed.
    """
    format_ = model_format(content, name)
    card = read_card(content, format_, name)
    if card is None:
        raise BadModel(f"{name}: has no model card; export it again")
    from ..inspection.inspect import read_network  # noqa: PLC0415 - only a trial needs it

    with suppress(EdgeclsError):  # its engine says what is wrong
        allow_tensors(read_network(content, name))
    model = ModelFile(Path(name), format_, content, card)
    engine = start_engine(model)
    check_against_card(engine, model)
    answers_to_pictures(engine, engine.takes.channels)


def allow_tensors(facts: "NetworkFacts") -> None:
    """Lets this process, one with limits, take the memory that a network's tensors need.

    An engine takes less for all of them than they have together, and up to twice what it takes.
    """
    needed = TENSOR_BYTES if facts.tensor_bytes is None else 2 * facts.tensor_bytes
    allow_memory(min(needed, TENSOR_BYTES))


def answers_to_pictures(engine: Engine, channels: int = 3) -> np.ndarray:
    """Returns an engine's float32 (N, C) for `pictures`, or for the first of them where it is slow.

    Args:
        engine: of any network.
        channels: that it takes, 3 or 1.

    Raises:
        InvalidOutput: it cannot run on one of them.
    """
    answers: list[np.ndarray] = []
    for picture in pictures(*engine.input_size_px, channels):
        answers.append(engine.probabilities(picture))
        if time.process_time() > _ENOUGH_S:
            break
    return np.stack(answers)


def pictures(height_px: int, width_px: int, channels: int = 3) -> Iterator[np.ndarray]:
    """Yields uint8 (H, W, C) pictures of many kinds: noise, black, white, ramps, pure colours, extremes."""
    shape = (height_px, width_px, channels)
    random = np.random.default_rng(_SEED)
    yield random.integers(0, 256, shape, np.uint8)
    yield np.zeros(shape, np.uint8)
    yield np.full(shape, 255, np.uint8)
    ramp = np.linspace(0, 255, max(height_px, width_px)).astype(np.uint8)
    yield np.broadcast_to(ramp[:height_px, None, None], shape).copy()
    yield np.broadcast_to(ramp[None, :width_px, None], shape).copy()
    yield random.integers(0, 2, shape, np.uint8) * np.uint8(255)
    yield random.integers(120, 137, shape, np.uint8)
    for channel in range(channels):
        colour = np.zeros(shape, np.uint8)
        colour[..., channel] = 255
        yield colour
    rows, columns = np.indices(shape[:2])
    yield np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], channels, axis=2)
    for _ in range(4):
        yield random.integers(0, 256, shape, np.uint8)
