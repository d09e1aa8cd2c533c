"""How old a frame is when its label comes, with a reader ten times slower than the camera."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ...edge_runtime.camera.answer import Answer
from ...edge_runtime.camera.sink import Sink
from ..child import started
from .camera_server import camera_server
from .camera_stamp import stamp_of
from .report import AgeReport, AgeSample

RATE_FPS = 30.0
SLOWER = 10
"""A classification takes so many frame intervals."""
_LIMIT_S = 60.0


def measure_age(model: Path, frames: Path, seconds: float, threads: int) -> AgeReport:
    """Runs the real camera loop against a real MJPEG camera on loopback, each in a process of its own.

    Args:
        model: a `.tflite` or `.onnx`.
        frames: a `FrameFile` of what the camera shows.
        seconds: about how long.
        threads: of the engine.

    Raises:
        BadModel: a process failed.
    """
    answers = max(1, round(seconds * RATE_FPS / SLOWER))
    with (
        camera_server(frames, RATE_FPS) as url,
        started("pipeline.age_process", str(model), url, str(answers), threads=threads) as child,
    ):
        samples = json.loads(child.read_line(_LIMIT_S + 2 * seconds))
    return AgeReport(RATE_FPS, tuple(AgeSample(*sample) for sample in samples))


@dataclass
class AgeSink(Sink):
    """Notes when each answer came."""

    samples: list[AgeSample] = field(default_factory=list)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        frame, timing = answer.frame, answer.timing
        stamp = stamp_of(frame.jpeg) if frame.jpeg else None
        label_at_s = frame.captured_at_s + timing.age_ms / 1e3
        self.samples.append(
            AgeSample(
                number=stamp.number if stamp else frame.sequence,
                age_ms=(label_at_s - (stamp.taken_at_s if stamp else frame.captured_at_s)) * 1e3,
                classify_ms=timing.latency_ms,
            )
        )
