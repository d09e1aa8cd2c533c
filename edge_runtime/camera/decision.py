"""From the predictions of single frames to what is announced: steadier than they are."""

from dataclasses import dataclass

from ..prediction import Prediction


@dataclass(frozen=True)
class Decision:
    """What is announced after one more frame."""

    shown: Prediction
    """The ranking of the smoothed probabilities; `label` is the announced one, None for "unknown"."""
    since_s: float
    """The frame's time (`Frame.time_s`) since which this label is announced."""
    changed: bool
    """Another label was announced before this frame. The first announcement is no change."""


class Decider:
    """Announces what each frame says."""

    def __init__(self) -> None:
        self._last: Decision | None = None

    def update(self, prediction: Prediction, time_s: float) -> Decision:
        """Takes the prediction of one more frame."""
        same = self._last is not None and self._last.shown.label == prediction.label
        since_s = self._last.since_s if self._last and same else time_s
        self._last = Decision(prediction, since_s, changed=self._last is not None and not same)
        return self._last
