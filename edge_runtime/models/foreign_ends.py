"""The ends of a network made elsewhere: which input takes the pictures, and which output has the scores.

Told from what its file says of them, before anything is opened or built.
"""

from collections.abc import Iterable, Sequence
from math import prod

from ..errors import BadModel, UsageError
from ..inspection.facts import Shape, TensorFacts


def wanted_size(inputs: Sequence[TensorFacts], wanted: Sequence[int] | None, name: str) -> Sequence[int]:
    """Returns the (height, width) that is wanted, in pixels; (0, 0) where none is.

    Raises:
        BadModel: there is not one input.
        UsageError: it takes pictures of another size, and of no other.
    """
    if len(inputs) != 1:
        raise BadModel(
            f"{name}: takes {len(inputs)} inputs, {described(inputs)}; "
            "use a network that takes pictures alone"
        )
    shape = inputs[0].shape
    if not wanted or shape is None or len(shape) != 4:
        return wanted or (0, 0)
    sides = shape[2:] if shape[1] in (1, 3) and shape[3] not in (1, 3) else shape[1:3]
    if any(side not in (None, 1, asked) for side, asked in zip(sides, wanted, strict=True)):
        raise UsageError(
            f"{name}: takes pictures of {sides[0]}x{sides[1]} px and no other; leave --imgsz out"
        )
    return wanted


def chosen_output(outputs: Sequence[TensorFacts], labels: int, wanted: str, name: str) -> TensorFacts:
    """Returns the output that is wanted, or the only one that gives as many scores as there are labels.

    Raises:
        UsageError: none or several would do.
        BadModel: it is a sequence or a map.
    """
    named = [output for output in outputs if output.name == wanted]
    if wanted and len(named) != 1:
        raise UsageError(
            f"{name}: has no output {wanted}, but {described(outputs)}; name one of these with --output"
        )
    if wanted or len(outputs) == 1:
        (chosen,) = named or outputs
        _refuse_map(chosen, name)
        return chosen
    rows = [output for output in outputs if output.is_row and numbers_of(output.shape) == labels]
    if labels == 2 and not rows:
        rows = [output for output in outputs if output.is_row and numbers_of(output.shape) == 1]
    if not rows:
        for output in outputs:
            _refuse_map(output, name)
    if len(rows) != 1:
        raise UsageError(
            f"{name}: has the outputs {described(outputs)}; name that with {labels:,} scores with --output"
        )
    return rows[0]


def output_note(chosen: TensorFacts, labels: int) -> str:
    """What a user should know of an output that was chosen among several without being named."""
    return f"reads the output {chosen.name}, the only one with {labels:,} scores"


def _refuse_map(output: TensorFacts, name: str) -> None:
    if output.shape is None and output.dtype == "undefined":
        raise BadModel(
            f"{name}: gives {output.name} as a sequence or map, not as a row of scores; convert it with "
            "zipmap=False, or without its last operator"
        )


def numbers_of(shape: Shape | None) -> int:
    """How many numbers an output has for one picture; 0 where the file does not say."""
    return prod(size or 0 for size in (1, *shape[1:])) if shape else 0


def described(tensors: Iterable[TensorFacts]) -> str:
    """Inputs or outputs as a message names them."""
    return "; ".join(tensor.text.replace(": ", " ", 1) for tensor in tensors).replace("; ", " and ")
