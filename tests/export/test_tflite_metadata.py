import io
import zipfile
from dataclasses import dataclass, replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers.number_types import Float32Flags, Uint32Flags
from flatbuffers.table import Table

from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.seal import SIZE_PLACE
from edgecls.export.tflite_metadata import (
    Content,
    ContentProperties,
    FeatureProperties,
    ModelMetadata,
    Stats,
    SubGraphMetadata,
    TensorMetadata,
    to_flatbuffer,
    with_metadata,
)


@dataclass(frozen=True)
class Fields:
    """A table of any FlatBuffer, by the numbers of its fields: nothing here knows how ours was written."""

    table: Table

    @classmethod
    def of_root(cls, content: bytes, identifier: bytes) -> "Fields":
        assert content[4:8] == identifier
        return cls(Table(content, int.from_bytes(content[:4], "little")))

    def text(self, number: int) -> str:
        return self.table.String(self._at(number)).decode()

    def number(self, number: int, flags=Uint32Flags) -> int:
        return self.table.Get(flags, self._at(number))

    def child(self, number: int) -> "Fields":
        return Fields(Table(self.table.Bytes, self.table.Indirect(self._at(number))))

    def children(self, number: int) -> list["Fields"]:
        slot = self.table.Offset(4 + 2 * number)
        start = self.table.Vector(slot)
        places = [start + 4 * index for index in range(self.table.VectorLen(slot))]
        return [Fields(Table(self.table.Bytes, self.table.Indirect(place))) for place in places]

    def floats(self, number: int) -> list[float]:
        return list(self.table.GetVectorAsNumpy(Float32Flags, self.table.Offset(4 + 2 * number)))

    def _at(self, number: int) -> int:
        return self.table.Pos + self.table.Offset(4 + 2 * number)


def entries(model: bytes) -> dict[str, bytes]:
    """The named buffers of a model."""
    root = schema.Model.GetRootAs(model)
    named = [root.Metadata(index) for index in range(root.MetadataLength())]
    return {entry.Name().decode(): root.Buffers(entry.Buffer()).DataAsNumpy().tobytes() for entry in named}


def metadata(model: bytes) -> Fields:
    return Fields.of_root(entries(model)["TFLITE_METADATA"], b"M001")


def tensors(model: bytes) -> tuple[Fields, Fields]:
    """The only input and the only output: SubGraphMetadata fields 2 and 3 of ModelMetadata field 3."""
    (graph,) = metadata(model).children(3)
    (entry,), (out,) = graph.children(2), graph.children(3)
    return entry, out


@pytest.fixture(scope="module")
def original(tiny):
    from edgecls.export.keras_file import load_network

    return load_network(tiny.h5)


@pytest.fixture(scope="module")
def card(original):
    return original[1].card


@pytest.fixture(scope="module")
def bare(original, tiny):
    """FlatBuffers as the converter leaves them: bytes for floats, bytes for integers, floats for floats."""
    from edgecls.data.backend import tf
    from edgecls.edge_runtime.descriptors import native_stderr_held
    from edgecls.export.contract import with_contract, with_fixed_batch

    network, model = original
    images = tiny.dataset.train.images[:20, np.newaxis].astype(np.float32) * model.card.scale
    int8 = tf.lite.TFLiteConverter.from_keras_model(with_fixed_batch(network, model.card))
    int8.optimizations = [tf.lite.Optimize.DEFAULT]
    int8.inference_input_type = tf.uint8
    int8.representative_dataset = lambda: ([image] for image in images)
    converters = {
        "float32": tf.lite.TFLiteConverter.from_keras_model(with_contract(network, model.card)),
        "int8": int8,
        "float32 input": tf.lite.TFLiteConverter.from_keras_model(with_fixed_batch(network, model.card)),
    }
    with native_stderr_held():
        return {name: converter.convert() for name, converter in converters.items()}


@pytest.fixture(params=["float32", "int8", "float32 input"])
def each(request, bare):
    return bare[request.param]


def test_the_input_is_an_rgb_picture_of_the_networks_size(bare, card):
    image = replace(card.image, width_px=48)
    entry, _ = tensors(with_metadata(bare["int8"], replace(card, image=image)))
    content = entry.child(3)
    properties = content.child(1)
    size = properties.child(1)
    assert entry.text(0) == "image"
    assert content.number(0) & 0xFF == 2  # ContentProperties.ImageProperties
    assert properties.number(0) & 0xFF == 1  # ColorSpaceType.RGB
    assert (size.number(0), size.number(1)) == (48, 32)


@pytest.mark.parametrize(
    ("network", "trained_on", "mean_and_std", "lowest_and_highest"),
    [
        ("float32", {"scale": 1 / 255, "offset": 0}, (0, 1), (0, 255)),
        ("float32", {"scale": 1 / 127.5, "offset": -1}, (0, 1), (0, 255)),
        ("int8", {"scale": 1 / 255, "offset": 0}, (0, 255), (0, 255)),
        ("int8", {"scale": 1 / 127.5, "offset": -1}, (127.5, 127.5), (0, 255)),
        ("float32 input", {"scale": 1 / 255, "offset": 0}, (0, 255), (0, 1)),
        ("float32 input", {"scale": 1 / 127.5, "offset": -1}, (127.5, 127.5), (-1, 1)),
    ],
)
def test_normalisation_turns_pixels_into_what_the_input_stands_for(
    bare, card, network, trained_on, mean_and_std, *, lowest_and_highest
):
    entry, _ = tensors(with_metadata(bare[network], replace(card, **trained_on)))
    (unit,) = entry.children(4)
    normalisation, stats = unit.child(1), entry.child(5)
    assert unit.number(0) & 0xFF == 1  # ProcessUnitOptions.NormalizationOptions
    assert (*normalisation.floats(0), *normalisation.floats(1)) == pytest.approx(mean_and_std)
    assert (*stats.floats(1), *stats.floats(0)) == pytest.approx(lowest_and_highest)


def test_the_output_names_the_label_file_that_is_in_the_zip(each, card):
    labels = ("Katze", "größer, als es schien", "犬")
    model = with_metadata(each, replace(card, labels=labels))
    _, out = tensors(model)
    (file,) = out.children(6)
    assert file.number(2) & 0xFF == 2  # AssociatedFileType.TENSOR_AXIS_LABELS
    with zipfile.ZipFile(
        io.BytesIO(model_file.attach_to_tflite(model, replace(card, labels=labels)))
    ) as archive:
        assert archive.read(file.text(0)).decode().splitlines() == list(labels)
        assert archive.getinfo(file.text(0)).compress_type == zipfile.ZIP_STORED  # readers map it, unpacked
    assert out.text(0) == "probability"  # MediaPipe reads it unasked: without a name it crashes
    assert out.text(1).endswith(": " + ", ".join(labels))  # all that Netron shows


def test_several_values_keep_their_order():
    tensor = TensorMetadata(
        name="image",
        description="",
        dimension_names=None,
        content=Content(ContentProperties.FEATURE_PROPERTIES, FeatureProperties()),
        process_units=None,
        stats=Stats(max=(1.0, 2.0, 3.0), min=(0.0,)),
        associated_files=None,
    )
    graph = SubGraphMetadata(None, None, (tensor,), (replace(tensor, name="a"), replace(tensor, name="b")))
    written = to_flatbuffer(ModelMetadata("model", "", None, (graph,), None, None, None, "1.0.0"))
    (read,) = Fields.of_root(written, b"M001").children(3)
    assert [out.text(0) for out in read.children(3)] == ["a", "b"]
    assert read.children(2)[0].child(5).floats(0) == [1, 2, 3]


def test_every_reader_of_metadata_is_new_enough(each, card):
    assert metadata(with_metadata(each, card)).text(7) == "1.0.0"


def test_what_the_converter_wrote_stays(each, card):
    before, after = (schema.Model.GetRootAs(model) for model in (each, with_metadata(each, card)))
    assert entries(each).items() <= entries(with_metadata(each, card)).items()
    assert "min_runtime_version" in entries(each)
    assert after.BuffersLength() == before.BuffersLength() + 2
    for index in range(before.BuffersLength()):
        assert np.array_equal(before.Buffers(index).DataAsNumpy(), after.Buffers(index).DataAsNumpy())


def test_answers_are_the_same_to_the_bit(each, card, tiny):
    images = tiny.dataset.test.images[:50]
    assert np.array_equal(run(each, images), run(with_metadata(each, card), images))


def test_the_same_model_gives_the_same_bytes(each, card):
    assert with_metadata(each, card) == with_metadata(bytes(bytearray(each)), replace(card))


def test_it_costs_a_kilobyte(each, card):
    assert len(with_metadata(each, card)) - len(each) < 1024


def test_there_is_room_for_the_files_size_near_the_start(each, card):
    model = with_metadata(each, card)
    assert entries(model)["edgecls-size"] == SIZE_PLACE
    assert model.index(SIZE_PLACE) < 1024


def run(model: bytes, images: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    (entry,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for image in images:
        interpreter.set_tensor(entry["index"], image[np.newaxis].astype(entry["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(out["index"])[0])
    return np.stack(answers)
