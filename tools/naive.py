"""Naive pipelines: classification as a first program with OpenCV and onnxruntime does it, and lower bounds.

It knows nothing of cards or rules. onnxruntime runs on one thread, as our engine does, and does not spin:
with its default options it starts a thread for each core, which has not helped networks of this size and
burns a core while it waits. So one thread is the fairer choice.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np

from edgecls.benchmarks.frames import FrameFile
from edgecls.benchmarks.pipeline import Pipeline, TimedAnswer
from edgecls.benchmarks.pipeline_process import PIPELINES, serve_pipelines
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.descriptors import native_stderr_held
from edgecls.edge_runtime.engines.onnxruntime import onnxruntime, open_session, spec_of
from edgecls.edge_runtime.engines.tensors import picture_and_scores, picture_input
from edgecls.edge_runtime.errors import BadImage, BadModel, UsageError
from edgecls.edge_runtime.files import MODEL_BYTES, read_whole
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model

_TENSORS = 64
_TYPES = ("tensor(float)", "tensor(uint8)")


class Naive:
    """Decodes in full, swaps channels, averages the centred square, scales in numpy, runs a float32 `.onnx`.

    A network that takes bytes, as edgecls exports it, scales once more inside: about 1 microsecond.

    Raises:
        BadModel: not a network that takes one picture [1, H, W, 3] as bytes or floats.
    """

    stages = ("decode", "swap", "resize", "scale", "engine", "rank")

    def __init__(self, model: Path, threads: int = 1) -> None:
        self.engine = f"onnxruntime {onnxruntime.__version__}"
        self._session = open_session(read_whole(model, MODEL_BYTES), str(model), threads)
        entry, _ = _ends(self._session.get_inputs(), self._session.get_outputs(), str(model))
        if entry.type not in _TYPES or len(entry.shape) != 4 or entry.shape[3] != 3:
            raise BadModel(f"{model}: takes {entry.type} {entry.shape}; export it with `edgecls export`")
        self._takes_float = entry.type == "tensor(float)"
        self._input = entry.name
        self._size_px = (int(entry.shape[2]), int(entry.shape[1]))

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`."""
        return self.answer_pictures(map(_decoded, frames))

    def answer_pictures(self, pictures: Iterable[tuple[np.ndarray, int]]) -> Iterator[TimedAnswer]:
        """Classifies uint8 (H, W, 3) BGR pictures, each with the nanoseconds that it took to decode.

        One loop, whose variables keep the last picture until they have the next, as in any such program: each
        picture's memory then comes fresh from the system. A function that forgets its picture on returning is
        a third faster (640x480: 1.2 instead of 1.8 ms).
        """
        for pixels, decode_ns in pictures:
            started_ns = perf_counter_ns()
            rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            swapped_ns = perf_counter_ns()
            small = cv2.resize(_centred_square(rgb), self._size_px, interpolation=cv2.INTER_AREA)
            resized_ns = perf_counter_ns()
            scaled = small.astype(np.float32) / 255
            scaled_ns = perf_counter_ns()
            picture = scaled if self._takes_float else small
            (probabilities,) = self._session.run(None, {self._input: picture[np.newaxis]})
            answered_ns = perf_counter_ns()
            label = int(np.argmax(probabilities))
            ranked_ns = perf_counter_ns()
            yield TimedAnswer(
                label,
                (
                    decode_ns,
                    swapped_ns - started_ns,
                    resized_ns - swapped_ns,
                    scaled_ns - resized_ns,
                    answered_ns - scaled_ns,
                    ranked_ns - answered_ns,
                ),
            )


def _decoded(content: bytes) -> tuple[np.ndarray, int]:
    started_ns = perf_counter_ns()
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    decode_ns = perf_counter_ns() - started_ns
    if pixels is None:
        raise BadImage("a frame of the benchmark cannot be decoded; free some disk space and run it again")
    return pixels, decode_ns


def _centred_square(pixels: np.ndarray) -> np.ndarray:
    height_px, width_px = pixels.shape[:2]
    side_px = min(height_px, width_px)
    top, left = (height_px - side_px) // 2, (width_px - side_px) // 2
    return pixels[top : top + side_px, left : left + side_px]


class FullDecodePipeline:
    """The camera's engine after a full decode: what the reduced one changes about the labels."""

    stages = ("all",)

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`."""
        for content in frames:
            started_ns = perf_counter_ns()
            image = prepare(decode(content, "frame"), self._classifier.card.image)
            label = int(self._classifier.engine.probabilities(image).argmax())
            yield TimedAnswer(label, (perf_counter_ns() - started_ns,))


# An engine's library called directly, with no line of edgecls in between: the least that a call can cost.


@dataclass(frozen=True)
class BareEngine:
    """A network in its engine."""

    tensor: Callable[[np.ndarray], np.ndarray]
    """From uint8 (H, W, 3) RGB to what the network takes; to be done before a clock starts."""
    call: Callable[[np.ndarray], np.ndarray]
    """From that to the network's output, as the file has it."""


def open_bare(model: ModelFile, threads: int) -> BareEngine:
    """Opens a `.tflite` or `.onnx`.

    Raises:
        BadModel, Unavailable: see `open_engine`.
        UsageError: a file of another format.
    """
    match model.format:
        case ModelFormat.TFLITE:
            return _litert(model, threads)
        case ModelFormat.ONNX:
            return _onnxruntime(model, threads)
    raise UsageError(f"{model.path}: a Keras model does not run on a device; run `edgecls export` first")


def _ends(inputs: Sequence[Any], outputs: Sequence[Any], name: str) -> tuple[Any, Any]:
    return picture_and_scores([("", entry) for entry in inputs], [("", out) for out in outputs], "", name)


def _litert(model: ModelFile, threads: int) -> BareEngine:
    from edgecls.edge_runtime.engines import litert  # noqa: PLC0415 - the naive program needs none of it

    name = str(model.path)
    with native_stderr_held():  # it announces its XNNPACK delegate
        interpreter = litert.Interpreter(model_content=model.content, num_threads=threads)
        interpreter.allocate_tensors()
    entry, out = _ends(interpreter.get_input_details(), interpreter.get_output_details(), name)
    entry_index, out_index = entry["index"], out["index"]

    def call(tensor: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(entry_index, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(out_index)

    return BareEngine(picture_input(litert.spec_of(entry), model.card, name).tensor, call)


def _onnxruntime(model: ModelFile, threads: int) -> BareEngine:
    name = str(model.path)
    session = open_session(model.content, name, threads)
    entry, out = _ends(session.get_inputs(), session.get_outputs(), name)
    entry_name, out_name = entry.name, out.name

    def call(tensor: np.ndarray) -> np.ndarray:
        return session.run([out_name], {entry_name: tensor})[0]

    return BareEngine(picture_input(spec_of(entry), model.card, name).tensor, call)


# The two steps that no pipeline avoids: decoding as little as will do, and the network.

_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


class Floor:
    """Decodes a JPEG at the smallest scale that serves, and calls the engine on a tensor that was ready.

    Args:
        bare: the engine.
        engine: its name.
        images: uint8 (H, W, 3) RGB, what it is called with in turn.
        reduction: 1, 2, 4 or 8; see `reduction_of`.
    """

    stages = ("decode", "engine")

    def __init__(self, bare: BareEngine, engine: str, images: Sequence[np.ndarray], reduction: int) -> None:
        self.engine = engine
        self._call = bare.call
        self._tensors = [bare.tensor(image) for image in images]
        self._flag = _REDUCED.get(reduction, cv2.IMREAD_COLOR)

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`; there is no label, as nothing leads from the picture to the tensor."""
        for content, tensor in zip(frames, itertools.cycle(self._tensors), strict=False):
            started_ns = perf_counter_ns()
            cv2.imdecode(np.frombuffer(content, np.uint8), self._flag)
            decoded_ns = perf_counter_ns()
            self._call(tensor)
            answered_ns = perf_counter_ns()
            yield TimedAnswer(None, (decoded_ns - started_ns, answered_ns - decoded_ns))


def reduction_of(frame_px: tuple[int, int], input_px: tuple[int, int]) -> int:
    """The largest of 8, 4, 2 and 1 that leaves at least `input_px`; both (height, width)."""
    largest = min(frame // wanted for frame, wanted in zip(frame_px, input_px, strict=True))
    return next((factor for factor in _REDUCED if factor <= largest), 1)


# `Classifier.classify` on a picture that needs no preparation, and the bare engine call inside it.


class ReadyClassify:
    """Calls `classify` on frames of the network's own size, and then asks for the label."""

    stages = ("classify", "label")

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier
        self._shape = (*classifier.engine.input_size_px, 3)

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`; a frame is uint8 (H, W, 3) BGR, raw."""
        for content in frames:
            pixels = np.frombuffer(content, np.uint8).reshape(self._shape)
            started_ns = perf_counter_ns()
            prediction = self._classifier.classify(pixels)
            answered_ns = perf_counter_ns()
            prediction.label  # noqa: B018 - worked out when it is first asked for
            asked_ns = perf_counter_ns()
            yield TimedAnswer(None, (answered_ns - started_ns, asked_ns - answered_ns))


class ReadyCall:
    """Calls the engine's library on the tensor of the same frame."""

    stages = ("engine",)

    def __init__(self, bare: BareEngine, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._bare = bare
        self._shape = (*classifier.engine.input_size_px, 3)

    def answers(self, frames: Iterable[bytes]) -> Iterator[TimedAnswer]:
        """See `Pipeline.answers`; a frame is uint8 (H, W, 3) BGR, raw."""
        for content in frames:
            pixels = np.frombuffer(content, np.uint8).reshape(self._shape)
            tensor = self._bare.tensor(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            started_ns = perf_counter_ns()
            self._bare.call(tensor)
            yield TimedAnswer(None, (perf_counter_ns() - started_ns,))


def _naive(model: Path, _: FrameFile, threads: int) -> Pipeline:
    return Naive(model, threads)


def _in_full(model: Path, _: FrameFile, threads: int) -> Pipeline:
    return FullDecodePipeline(Classifier(model, threads=threads))


def _floor(model: Path, frames: FrameFile, threads: int) -> Pipeline:
    classifier = Classifier(model, threads=threads)
    pictures = [decode(frame, "frame") for frame in itertools.islice(frames, _TENSORS)]
    images = [prepare(picture, classifier.card.image) for picture in pictures]
    reduction = reduction_of(pictures[0].shape[:2], classifier.engine.input_size_px)
    return Floor(open_bare(read_model(model), threads), classifier.engine.name, images, reduction)


def _classify(model: Path, _: FrameFile, threads: int) -> Pipeline:
    return ReadyClassify(Classifier(model, threads=threads))


def _call(model: Path, _: FrameFile, threads: int) -> Pipeline:
    return ReadyCall(open_bare(read_model(model), threads), Classifier(model, threads=threads))


if __name__ == "__main__":
    serve_pipelines(
        PIPELINES
        | {"naive": _naive, "in full": _in_full, "floor": _floor, "classify": _classify, "call": _call}
    )
