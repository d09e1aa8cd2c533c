"""Networks that a format cannot express: the converters' reasons, in one line with operator and layer."""

import re

from ..edge_runtime.errors import BadModel
from .layer_names import layer_path

_LONGEST = 300
_NOTHING_TO_SAY = re.compile(r"<unknown>:0:|loc\(.*?\)\)+:|\x1b\[[0-9;]*m|\[ONNXRuntimeError\] : \d+ : \w+ :")
_OPERATORS = (
    re.compile(r"No Op registered for (\w+)"),  # onnx
    re.compile(r"OpType: (\w+)"),
    re.compile(r"'tf\.(\w+)' op is neither"),  # TFLite
    re.compile(r"(?:TF Select|Custom) ops: (\w+(?:, \w+)*)"),
)
_PLACES = (re.compile(r"Name: (\S+)"), re.compile(r'"([^"@]+)@'), re.compile(r"\((\S+/\S+)\)"))


class Inexpressible(BadModel):
    """A format cannot express a network; another one may."""


def inexpressible(format_: str, error: Exception) -> Inexpressible:
    """Returns the error that says what a format (its name) lacks, from what its converter raised."""
    text = str(error)
    operators = [
        name for pattern in _OPERATORS for found in pattern.findall(text) for name in found.split(", ")
    ]
    layers = [layer_path(place) for pattern in _PLACES for place in pattern.findall(text)]
    layer = next(filter(None, layers), "")
    if operators:
        reason = f"it has no {', '.join(dict.fromkeys(operators))}"
    else:
        reason = " ".join(_NOTHING_TO_SAY.sub("", text).split()) or type(error).__name__
        reason = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]} ..."
    where = f" (layer {layer})" if layer else ""
    return Inexpressible(f"{format_} cannot express this network: {reason}{where}")
