"""The camera pipeline beside a naive program, from a camera's bytes to a label: `make bench-pipeline`."""

import shlex
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

from edgecls.benchmarks.frames import HD, VGA, FrameFile, FrameSize, Pictures, camera_frames, write_frames
from edgecls.benchmarks.machine import read_machine, timestamp
from edgecls.benchmarks.turns import take_turns
from edgecls.benchmarks.worker import measuring_worker
from edgecls.edge_runtime.camera.answer import Answer, Sink
from edgecls.edge_runtime.errors import BadModel, EdgeclsError, MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model
from edgecls.edge_runtime.workers import serve

from .pipeline_report import (
    AgeReport,
    AgeSample,
    CallReport,
    IdleReport,
    IdleRun,
    PipelineReport,
    PipelineSettings,
    SizeReport,
)
from .pipelines import OnStep, TimingSettings, agreement, labels_of, time_pipelines
from .process_cost import cpu_s, family_of, memory_use

# A stamp in each picture: a JPEG comment, which stays wherever the bytes are passed on.

_SOI, _COMMENT = b"\xff\xd8", b"\xff\xfe"
_FORMAT = struct.Struct(">Qd")
_NAME = b"edgecls-camera"
_HEAD = _SOI + _COMMENT + struct.pack(">H", 2 + len(_NAME) + _FORMAT.size) + _NAME


class Stamp(NamedTuple):
    """The number of a picture, and when the camera took it."""

    number: int
    taken_at_s: float
    """`time.monotonic()`, which all processes of a Linux system share."""


def stamped(jpeg: bytes, stamp: Stamp) -> bytes:
    """The JPEG with the stamp in front."""
    return _HEAD + _FORMAT.pack(*stamp) + jpeg[len(_SOI) :]


def stamp_of(jpeg: bytes) -> Stamp | None:
    """The stamp of a JPEG, or None where it has none."""
    return Stamp(*_FORMAT.unpack_from(jpeg, len(_HEAD))) if jpeg.startswith(_HEAD) else None


# A camera on the network: `python -m tools.pipeline FRAMES RATE_FPS THREADS`.
#
# Serves MJPEG over HTTP on loopback, in a process of its own: its work is not the reader's. Each picture
# carries a stamp.

_BOUNDARY = "edgecls"
_SERVER_LIMIT_S = 60.0


@contextmanager
def camera_server(frames: Path, rate_fps: float) -> Iterator[str]:
    """Starts the process; gives the address of its stream. `frames` is a `FrameFile`."""
    with measuring_worker(f"{__package__}.pipeline", frames, rate_fps, threads=1) as worker:
        yield worker.reply(_SERVER_LIMIT_S)["url"]


def main() -> None:
    """Serves what the command line names until stdin ends."""
    frames, rate_fps, _ = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(FrameFile(Path(frames)), float(rate_fps)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    serve([{"url": f"http://127.0.0.1:{server.server_port}/stream.mjpg"}])
    sys.stdin.read()


def _handler(frames: FrameFile, rate_fps: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.end_headers()
            with suppress(ConnectionError):  # its reader left
                for picture in _pictures(frames, rate_fps):
                    self.wfile.write(_part(picture))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
            """Says nothing."""

    return Handler


def _pictures(frames: FrameFile, rate_fps: float) -> Iterator[bytes]:
    """Each picture when it is due; those that a slow connection missed are left out, as a camera does."""
    began_at_s = time.monotonic()
    number = 0
    while True:
        due_at_s = began_at_s + number / rate_fps
        time.sleep(max(0.0, due_at_s - time.monotonic()))
        yield stamped(frames[number % len(frames)], Stamp(number, time.monotonic()))
        number = max(number, int((time.monotonic() - began_at_s) * rate_fps)) + 1


def _part(picture: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"


# The age of a frame when its label comes, with a reader ten times slower than the camera.

RATE_FPS = 30.0
SLOWER = 10
"""A classification takes so many frame intervals."""
_AGE_LIMIT_S = 60.0


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
        measuring_worker(f"{__package__}.slow_reader", model, url, answers, threads=threads) as worker,
    ):
        samples = worker.reply(_AGE_LIMIT_S + 2 * seconds)["samples"]
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


# The cost of a camera program: processor time, memory, and the time to its first label.

IDLE_RATE_FPS = 30.0
_IDLE_LIMIT_S = 60.0
_END_S = 5.0


def measure_idle_cost(
    model: Path,
    naive_model: Path | None,
    frames: Path,
    window_s: float,
    *,
    on_step: Callable[[str], None],
    rounds: int = 3,
) -> IdleReport:
    """Runs `edgecls camera` and the naive program in turns against a camera on loopback, several times each.

    Args:
        model: what `edgecls camera` runs.
        naive_model: what the naive program runs; None leaves it out.
        frames: a `FrameFile` of what the camera shows; the camera's own work is not counted.
        window_s: how long the processor time of one run is counted.
        on_step: told what is being done.
        rounds: how often each program runs.

    Raises:
        BadModel: a program ended before it was asked to.
    """
    ours: list[IdleRun] = []
    naive: list[IdleRun] = []
    with camera_server(frames, IDLE_RATE_FPS) as url:

        def runs_of(name: str, command: Sequence[str], runs: list[IdleRun]) -> Generator[None]:
            for number in range(rounds):
                on_step(f"idle cost {number + 1} of {rounds}: {name}")
                runs.append(run_program(command, window_s))
                yield

        programs = [runs_of("edgecls camera", _camera_command(url, model), ours)]
        if naive_model is not None:
            programs.append(runs_of("the naive program", _naive_command(url, naive_model), naive))
        take_turns(programs)
    return IdleReport(IDLE_RATE_FPS, tuple(ours), tuple(naive))


def _camera_command(url: str, model: Path) -> list[str]:
    camera = ["camera", "--source", url, "--model", str(model), "--headless", "--json"]
    return [sys.executable, "-P", "-m", "edgecls.cli", *camera]


def _naive_command(url: str, model: Path) -> list[str]:
    return [sys.executable, "-P", "-m", f"{__package__}.naive_camera", url, str(model)]


def run_program(command: Sequence[str], window_s: float, settles_s: float = 1.0) -> IdleRun:
    """Starts a program that writes a line for each label, and counts what a window of its life costs.

    Args:
        command: the program and its arguments.
        window_s: how long its processor time is counted.
        settles_s: how long after its first label that begins.

    Raises:
        BadModel: it gave no label.
    """
    started_s = time.monotonic()
    with _running(command) as lines:
        first_label_s = lines.wait_for_one() - started_s
        time.sleep(settles_s)
        family = family_of(lines.pid)
        began_s, used_before_s, labels_before = time.monotonic(), cpu_s(family), lines.count
        time.sleep(window_s)
        seconds, used_s = time.monotonic() - began_s, cpu_s(family) - used_before_s
        labels = lines.count - labels_before
        memory = memory_use(family)
    if not labels:
        raise BadModel(f"{shlex.join(command)}: gave no label in {window_s:g} s; run it by itself")
    return IdleRun(
        first_label_s=first_label_s,
        cpu_share=used_s / seconds,
        labels_per_s=labels / seconds,
        memory=memory,
        processes=len(family),
    )


@contextmanager
def _running(command: Sequence[str]) -> "Iterator[_Lines]":
    """Runs a program until the block ends; its messages are kept from the screen."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        lines = _Lines(command, process)
        try:
            yield lines
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
            lines.close()


class _Lines:
    """Counts the lines that a program writes, as they come."""

    def __init__(self, command: Sequence[str], process: subprocess.Popen[bytes]) -> None:
        self.count = 0
        self._command = command
        self.pid = process.pid
        self._first_at_s = 0.0
        self._first = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(process.stdout,))
        self._reader.start()

    def wait_for_one(self) -> float:
        """`time.monotonic()` of the first line; BadModel where the program ended without."""
        self._first.wait(_IDLE_LIMIT_S)
        if not self.count:
            raise BadModel(f"{shlex.join(self._command)}: gave no label; run it by itself to see why")
        return self._first_at_s

    def close(self) -> None:
        """Waits until the program's output has ended."""
        self._reader.join()

    def _read(self, output: IO[bytes]) -> None:
        for _ in output:
            if not self.count:
                self._first_at_s = time.monotonic()
                self.count = 1
                self._first.set()
            else:
                self.count += 1
        self._first.set()


# The two files that are measured: the one that a camera runs, and that of the naive program.


@dataclass(frozen=True)
class PipelineModels:
    """The files, and notes about them."""

    fast: ModelFile
    naive: ModelFile | None
    """A float32 `.onnx` of the same network; None leaves the naive program out."""
    notes: tuple[str, ...] = ()


def choose_models(paths: Sequence[Path]) -> PipelineModels:
    """Chooses among model files; those that cannot be read are passed over.

    The fast one is the int8 `.tflite`, or else the best that there is, as `edgecls camera` chooses.

    Raises:
        MissingInput: no exported file.
        EdgeclsError: none can be read; the error is that of the first.
    """
    models, first_error = [], None
    for path in paths:
        try:
            models.append(read_model(path))
        except EdgeclsError as error:
            first_error = first_error or error
    exported = [model for model in models if model.format is not ModelFormat.H5]
    if not exported:
        raise first_error or MissingInput(
            "this needs an int8 .tflite and the float32 .onnx of one network; run `edgecls export --int8`"
        )
    fast = max(exported, key=_merit)
    naive = next((model for model in exported if _is_naive(model, fast)), None)
    return PipelineModels(fast, naive, tuple(_notes(fast, naive)))


def _merit(model: ModelFile) -> tuple[bool, bool]:
    return model.format is ModelFormat.TFLITE, model.card.quantisation is not None


def _is_naive(model: ModelFile, fast: ModelFile) -> bool:
    """Whether it is float32 and of the same network, without which labels could not be compared."""
    card = model.card
    return (
        model.format is ModelFormat.ONNX
        and card.quantisation is None
        and card.labels == fast.card.labels
        and card.provenance.weights_sha256 == fast.card.provenance.weights_sha256
    )


def _notes(fast: ModelFile, naive: ModelFile | None) -> list[str]:
    notes = []
    if _merit(fast) != (True, True):
        notes.append(
            f"no int8 .tflite among the files: {fast.path.name} was measured in its place; "
            "`edgecls export --int8` makes one"
        )
    if naive is None:
        notes.append(
            f"no float32 .onnx of the same network as {fast.path.name}: the naive program was left out; "
            "`edgecls export` makes one"
        )
    return notes


_READY = 64
"""Prepared inputs that are classified in turn."""


def bench_pipeline(
    models: PipelineModels,
    pictures: Pictures,
    settings: PipelineSettings | None = None,
    on_step: OnStep = lambda _: None,
) -> PipelineReport:
    """Measures every stage from a JPEG to its label, the age of frames, and the cost of a camera program.

    Raises:
        BadModel, Unavailable: a model cannot be run.
        OutputFailed, PermissionRefused: the temporary folder cannot be written.
    """
    settings = settings or PipelineSettings()
    machine = read_machine()
    created_at = timestamp()
    fast, naive = models.fast.path, models.naive.path if models.naive else None
    with TemporaryDirectory(prefix="edgecls-bench-") as name:
        vga, hd = (_frames(Path(name), size, pictures, settings, on_step) for size in (VGA, HD))
        sizes = (
            _measure_size(VGA, vga, models, settings, on_step),
            _measure_size(HD, hd, models, settings, on_step),
        )
        ready = _ready_inputs(Path(name), pictures, models.fast.card.image)
        on_step("age of frames with a slow reader")
        age = measure_age(fast, vga, 5 * settings.seconds, settings.threads)
        return PipelineReport(
            created_at=created_at,
            machine=machine,
            settings=settings,
            model=str(fast),
            naive_model=str(naive) if naive else None,
            pictures=pictures.text,
            sizes=sizes,
            calls=_measure_calls(models, ready, settings, on_step),
            age=age,
            idle=measure_idle_cost(fast, naive, vga, settings.seconds, on_step=on_step),
            notes=models.notes,
        )


def _frames(
    folder: Path, size: FrameSize, pictures: Pictures, settings: PipelineSettings, on_step: OnStep
) -> Path:
    on_step(f"making {settings.frames:,} frames of {size.name}")
    path = folder / f"{size.name}.frames"
    write_frames(path, camera_frames(pictures.images, size, settings.frames))
    return path


def _ready_inputs(folder: Path, pictures: Pictures, rule: ImageRule) -> Path:
    """Pictures of the network's own size, raw, uint8 (H, W, 3) BGR."""
    path = folder / "ready.frames"
    prepared = (cv2.cvtColor(prepare(image, rule), cv2.COLOR_RGB2BGR) for image in pictures.images[:_READY])
    write_frames(path, (picture.tobytes() for picture in prepared))
    return path


def _measure_size(
    size: FrameSize, frames: Path, models: PipelineModels, settings: PipelineSettings, on_step: OnStep
) -> SizeReport:
    fast = models.fast.path
    naive = {"naive": models.naive.path} if models.naive else {}
    times = time_pipelines(
        naive | {"edgecls": fast, "floor": fast},
        frames,
        _timing_settings(settings),
        _prefixed(on_step, size.name),
    )
    on_step(f"{size.name}: comparing the labels of {settings.frames:,} frames")
    labels = labels_of(naive | {"edgecls": fast, "in full": fast}, frames, settings.threads)
    return SizeReport(
        size=size,
        frames=settings.frames,
        median_bytes=FrameFile(frames).median_bytes,
        ours=times["edgecls"],
        floor=times["floor"],
        naive=times.get("naive"),
        agreement=agreement(labels["naive"], labels["edgecls"]) if naive else None,
        decode_agreement=agreement(labels["in full"], labels["edgecls"]),
    )


def _measure_calls(
    models: PipelineModels, ready: Path, settings: PipelineSettings, on_step: OnStep
) -> CallReport:
    fast = models.fast.path
    times = time_pipelines({"classify": fast, "call": fast}, ready, _timing_settings(settings), on_step)
    return CallReport(times["classify"], times["call"])


def _timing_settings(settings: PipelineSettings) -> TimingSettings:
    return TimingSettings(settings.threads, settings.seconds, settings.windows)


def _prefixed(on_step: OnStep, name: str) -> OnStep:
    return lambda step: on_step(f"{name}: {step}")


if __name__ == "__main__":
    main()
