"""Trial of a foreign network: what it takes and gives, read from its file and judged by its answers.

Nobody has said yet what its scores are, or how its pixels are scaled, so it has to run with any range. What
its last operator says of its scores, and what they are on the trial's pictures, have to agree.
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from ..engines.engine import start_engine
from ..errors import BadData, BadModel, UsageError
from ..images.picture_options import SCALINGS
from ..images.rule import ImageRule
from ..inspection.inspect import read_network
from ..inspection.stated import Stated, network_input, stated
from ..text import printable
from .card import ModelCard, Scores
from .foreign_ends import chosen_output, numbers_of, output_note, wanted_size
from .label_file import parse_labels
from .model_file import ModelFile, model_format
from .trial import allow_tensors, answers_to_pictures

_SOFTMAX = frozenset(["SOFTMAX", "Softmax", "com.microsoft.QLinearSoftmax"])
_SIGMOID = frozenset(["LOGISTIC", "Sigmoid", "HardSigmoid", "com.microsoft.QLinearSigmoid"])
_OUTSIDE = 1e-3
"""How far rounding takes a probability out of 0..1."""
_OFF = 5e-3
"""How far it takes the sum of probabilities from 1: bfloat16 has eight bits."""


def try_foreign(
    content: bytes, name: str, labels: int = 0, size_px: Sequence[int] | None = None, output: str = ""
) -> dict[str, Any]:
    """Reads, opens and runs a foreign network; called in a process with limits.

    Args:
        content: of the file.
        name: of the file, for messages.
        labels: how many there are; 0 for those that are inside the file.
        size_px: (height, width) of the pictures, for a network that takes any.
        output: the name of the output that is wanted; empty for the only one, or the only one with a score
            for each label.

    Returns:
        `size_px`: (height, width) of the input; `channels`: 3, or 1; `io`: its type; `scores` and `output` of
        a card; `notes`: lines about what was taken for what; `stated`: what the file says of its pixels;
        `labels`: those inside it, empty where there are none.

    Raises:
        UsageError: `size_px` or `output` is missing, or makes no sense.
        BadModel: it cannot be run, is not a classifier of pictures, or of another number of classes.
    """
    path, format_ = Path(name), model_format(content, name)
    facts = read_network(content, name)
    said = stated(content, format_, network_input(facts), name)
    inside = _labels_inside(said, name, are_wanted=not labels)
    labels = labels or len(inside)
    height_px, width_px = wanted_size(facts.inputs, size_px, name)
    chosen = chosen_output(facts.outputs, labels, output, name)
    allow_tensors(facts)
    is_single = numbers_of(chosen.shape) == 1
    if is_single and labels != 2:
        raise BadModel(
            f"{name}: gives one score, which is for two labels, and there are {labels:,}; name two labels"
        )
    answers: list[np.ndarray] = []
    found: dict[str, Any] = {}
    for scale, offset in SCALINGS.values():
        card = ModelCard(
            ("",) * labels,
            ImageRule(height_px, width_px),
            scale,
            offset,
            scores="binary" if is_single else "probabilities",
            output=chosen.name if len(facts.outputs) > 1 else "",
        )
        with closing(start_engine(ModelFile(path, format_, content, card))) as engine:
            if engine.classes != labels:
                raise BadModel(
                    f"{name}: the network has {engine.classes:,} classes, but there are {labels:,} labels; "
                    "write one label for each class"
                )
            answers.append(answers_to_pictures(engine, engine.takes.channels))
            found = {
                "size_px": engine.input_size_px,
                "channels": engine.takes.channels,
                "io": engine.takes.type_name,
                "output": card.output,
            }
    raw = np.concatenate(answers)[:, 1:] if is_single else np.concatenate(answers)
    ends_in = facts.ends_in[facts.outputs.index(chosen)]
    scores, note = judged(raw, ends_in, chosen.scale or 0.0, name)
    notes = [output_note(chosen, labels)] if found["output"] and not output else []
    return {
        **found,
        "scores": scores,
        "notes": [*notes, *([note] if note else [])],
        "stated": said.to_json(),
        "labels": inside,
    }


def _labels_inside(said: Stated, name: str, *, are_wanted: bool) -> tuple[str, ...]:
    """The labels of the file itself.

    Raises:
        UsageError: they are wanted, and there are none.
        BadData: they are wanted, and no labels.
    """
    if not said.label_file and are_wanted:
        raise UsageError(
            f"{name}: made elsewhere, and has no labels inside; name them with --labels, a file with one on "
            "each line"
        )
    try:
        return parse_labels(said.labels, Path(f"{name}: {printable(said.label_file)}"))
    except BadData:
        if are_wanted:
            raise
        return ()


def judged(raw: np.ndarray, ends_in: str, step: float, name: str) -> tuple[Scores, str]:
    """Tells what scores are, from the operator that they come from and from their values.

    Args:
        raw: float32 (N, K), scores of N pictures; K is 1 for a network of two labels with one score.
        ends_in: the operator; empty where the file does not say.
        step: of quantised scores; else 0.
        name: of the file, for messages.

    Returns:
        What a card says of them, and a line about it; empty for usual probabilities.

    Raises:
        BadModel: operator and values contradict each other.
    """
    raw = raw[np.isfinite(raw).all(axis=1)].astype(np.float64)
    if not len(raw):
        raise BadModel(f"{name}: gives NaN or infinity for every picture; export it again")
    sums, single = raw.sum(axis=1), raw.shape[1] == 1
    are_shares = raw.min() >= -_OUTSIDE - step and raw.max() <= 1 + _OUTSIDE + step
    off = _OFF * (4 if ends_in in _SOFTMAX else 1) + step * raw.shape[1] / 2
    sum_to_1 = are_shares and not single and np.abs(sums - 1).max() <= off
    where = f"its last operator is {ends_in}" if ends_in else "by its values"
    if ends_in in _SOFTMAX | _SIGMOID and not (sum_to_1 if ends_in in _SOFTMAX else are_shares):
        raise BadModel(
            f"{name}: ends in {ends_in}, but gives {raw.min():.3g} to {raw.max():.3g}, with sums of "
            f"{sums.min():.3g} to {sums.max():.3g}; end it with a softmax over the classes, or a sigmoid"
        )
    if sum_to_1:
        return (
            "probabilities",
            "" if ends_in in _SOFTMAX else f"gives probabilities: its scores sum to 1 ({where})",
        )
    is_sigmoid = are_shares and (ends_in in _SIGMOID or not _gives_any_number(ends_in))
    if single and not is_sigmoid and ends_in and not _gives_any_number(ends_in):
        raise BadModel(
            f"{name}: gives one score, from {raw.min():.3g} to {raw.max():.3g}, by {ends_in}; end it with a "
            "sigmoid, or the dense layer before one"
        )
    if single:
        kind = "the probability" if is_sigmoid else "the logit"
        return (
            "binary" if is_sigmoid else "binary-logits",
            f"gives one score, taken for {kind} of the second label ({where})",
        )
    if is_sigmoid:
        return (
            "independent",
            f"gives independent scores, which do not sum to 1 ({where}); the best one is the answer",
        )
    return "logits", f"gives logits ({where}); the probabilities are their softmax"


def _gives_any_number(operator: str) -> bool:
    return operator in (
        *("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL", "ADD", "MEAN", "AVERAGE_POOL_2D", "LOG_SOFTMAX"),
        *("Gemm", "MatMul", "Add", "Conv", "GlobalAveragePool", "ReduceMean", "LogSoftmax"),
        *("com.microsoft.FusedGemm", "com.microsoft.FusedMatMul", "com.microsoft.QGemm", "QLinearMatMul"),
        *("com.microsoft.QLinearAdd", "QLinearConv"),
    )
