"""What is known of a Keras original that could not be measured here: a workstation's report, or the card."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

CARD = "the model card"


@dataclass(frozen=True)
class KerasReference:
    """A Keras original's figures from elsewhere."""

    weights_sha256: str
    """Of the `.h5`."""
    source: str
    """`the model card`, or the path of the report that it was measured for."""
    accuracy: float | None
    """Top-1, 0 to 1."""
    images: int | None
    """That this accuracy is of; None where the card does not say."""
    is_same_question: bool
    """Whether they are the very test images of this run."""
    p50_ms: float | None = None
    """On the machine below, not on this one."""
    machine: str = ""
    created_at: str = ""
    """When it was measured, ISO 8601; empty for a card."""
    probabilities: np.ndarray | None = field(default=None, repr=False, compare=False)
    """Float32 (N, C) with its best labels, to pair with; None where they are not known."""

    @property
    def line(self) -> str:
        """For people: what is known, from where, and what that is worth here."""
        known = [f"accuracy {self.accuracy:.2%}"] if self.accuracy is not None else []
        if self.accuracy is not None and self.images:
            known = [f"{known[0]} of {self.images:,} test images"]
        if self.p50_ms:
            known.append(f"p50 {self.p50_ms:.3f} ms")
        where = f" ({self.machine}, {self.created_at})" if self.machine else ""
        return f"not measured here; {', '.join(known) or 'nothing'}, from {self.source}{where}; {self._worth}"

    @property
    def _worth(self) -> str:
        if not self.is_same_question:
            return "of other test images than these: no difference is worked out"
        if self.probabilities is None:
            return "the same test images, but not image by image: differences have no interval"
        return "the same test images, paired one by one"

    def to_json(self) -> dict[str, Any]:
        """Without the probabilities, which the baseline has."""
        return {name: value for name, value in vars(self).items() if name != "probabilities"}
