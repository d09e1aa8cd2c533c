"""Scenes: how well and how soon a loop announces what it sees, where the source knows the correct labels.

A scene is a run of frames with one correct label. What counts is what is announced, not the label of each
frame: it takes some time after each change, and somebody who watches the demo camera sees just that.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median

from ..text import counted

_CUT_SHORT_S = 2.0
"""A last scene shorter than this counts only if it was announced: the loop ended too early for it."""
_KEPT_DELAYS = 1_000


@dataclass(frozen=True)
class SceneReport:
    """Scenes of one run."""

    scenes: int = 0
    """As far as they were seen long enough to be announced."""
    announced: int = 0
    """Of these, scenes whose correct label was the announced one in the end."""
    delay_s: float | None = None
    """From a change of scene to its announcement, the median of the correct ones; None if there is none."""

    @property
    def text(self) -> str:
        """The report in one line, such as `5 of 6 scenes announced correctly, 0.9 s after the change`."""
        delay = "" if self.delay_s is None else f", {self.delay_s:.1f} s after the change"
        return f"{self.announced} of {counted(self.scenes, 'scene')} announced correctly{delay}"


NO_SCENES = SceneReport()


class SceneJudge:
    """Judges scenes from answers with their times; keeps no clock of its own, and no more for longer runs."""

    def __init__(self) -> None:
        self._scenes = self._announced = 0
        self._delays_s: deque[float] = deque(maxlen=_KEPT_DELAYS)
        self._truth = ""
        self._started_s = self._last_s = 0.0
        self._right_since_s: float | None = None

    def add(self, truth: str, announced: str | None, time_s: float) -> None:
        """Takes one answer.

        Args:
            truth: the correct label; empty where the source does not know it, which ends a scene.
            announced: the announced label; None for "unknown".
            time_s: `Frame.time_s`.
        """
        if truth != self._truth:
            self._scenes, self._announced = self._counted(is_over=True)
            if self._right_since_s is not None:
                self._delays_s.append(self._right_since_s - self._started_s)
            self._truth, self._started_s, self._right_since_s = truth, time_s, None
        self._last_s = time_s
        if announced != truth:
            self._right_since_s = None
        elif self._right_since_s is None:
            self._right_since_s = time_s

    def report(self) -> SceneReport:
        """What was judged so far, with the scene that still goes on."""
        scenes, announced = self._counted(is_over=False)
        delays_s = [*self._delays_s]
        if self._truth and self._right_since_s is not None:
            delays_s.append(self._right_since_s - self._started_s)
        return SceneReport(scenes, announced, median(delays_s) if delays_s else None)

    def _counted(self, *, is_over: bool) -> tuple[int, int]:
        """Returns how many scenes there were, and how many were announced, with the present one."""
        if not self._truth:
            return self._scenes, self._announced
        is_right = self._right_since_s is not None
        counts = is_right or is_over or self._last_s - self._started_s >= _CUT_SHORT_S
        return self._scenes + counts, self._announced + is_right
