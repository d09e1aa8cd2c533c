"""The two engines on real files; each file runs through the same tests."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.engine import Engine
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.find import builtin_model
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat, read_model

FILES = ("tflite", "onnx", "int8 tflite", "int8 onnx")


@pytest.fixture(params=range(4), ids=FILES)
def model(request: pytest.FixtureRequest, tiny) -> ModelFile:
    return read_model(tiny.files[request.param])


@pytest.fixture
def engine(model: ModelFile) -> Engine:
    return open_engine(model)


def test_the_engine_is_the_one_for_the_format(model: ModelFile, engine: Engine):
    assert engine.name.split()[0] == {"tflite": "litert", "onnx": "onnxruntime"}[model.format]
    assert engine.name.split()[1][0].isdigit()
    assert isinstance(engine, Engine)
    assert engine.input_size_px == (32, 32)
    assert engine.classes == 10


def test_probabilities_are_float32_and_sum_to_one(engine: Engine, tiny):
    for image in tiny.dataset.test.images[:20]:
        probabilities = engine.probabilities(image)
        assert probabilities.shape == (10,)
        assert probabilities.dtype == np.float32
        assert probabilities.min() >= 0
        assert probabilities.sum() == pytest.approx(1, abs=0.03)  # int8 probabilities are multiples of 1/256


def test_most_test_images_are_recognised(engine: Engine, tiny):
    images, truth = tiny.dataset.test.images[:100], tiny.dataset.test.truth[:100]
    right = sum(
        int(engine.probabilities(image).argmax()) == label for image, label in zip(images, truth, strict=True)
    )
    assert right >= 70


def test_an_answer_is_a_copy_that_the_next_one_leaves_alone(engine: Engine, tiny):
    first = engine.probabilities(tiny.dataset.test.images[0])
    before = first.copy()
    for image in tiny.dataset.test.images[1:5]:
        engine.probabilities(image)
    assert (first == before).all()
    first[:] = 0  # and it may be written to
    assert (engine.probabilities(tiny.dataset.test.images[0]) == before).all()


def test_it_is_given_back_twice_without_harm(engine: Engine):
    engine.close()
    engine.close()


def test_more_threads_give_the_same_answer(model: ModelFile, engine: Engine, tiny):
    image = tiny.dataset.test.images[0]
    np.testing.assert_allclose(
        open_engine(model, threads=2).probabilities(image), engine.probabilities(image), atol=1e-6
    )


@pytest.mark.parametrize(("name", "other"), [("litert", "onnx"), ("onnxruntime", "tflite")])
def test_an_engine_for_the_other_format_is_a_usage_error(tiny, name, other):
    path = next(path for path in tiny.files if path.suffix == f".{other}")
    assert open_engine(read_model(path), "onnxruntime" if other == "onnx" else "litert")
    with pytest.raises(UsageError, match=rf"{name} does not run \.{other} files; leave --engine out"):
        open_engine(read_model(path), name)


def test_the_keras_file_is_not_for_a_device(tiny):
    with pytest.raises(UsageError, match="run `edgecls export` first") as raised:
        open_engine(read_model(tiny.h5))
    assert raised.value.exit_code == 2


def test_a_card_with_another_input_size_is_refused_naming_both(model: ModelFile):
    card = replace(model.card, image=ImageRule(48, 64))
    with pytest.raises(BadModel, match="input of 48x64 px, the network takes 32x32"):
        open_engine(replace(model, card=card))


def test_a_card_with_another_number_of_classes_is_refused_naming_both(model: ModelFile):
    card = replace(model.card, labels=("cat", "dog"))
    with pytest.raises(BadModel, match="2 labels, the network 10 classes"):
        open_engine(replace(model, card=card))


@pytest.mark.parametrize("format_", [ModelFormat.TFLITE, ModelFormat.ONNX])
def test_a_sealed_file_with_nonsense_inside_is_an_error_and_no_crash(format_: ModelFormat):
    card = ModelCard(("cat", "dog"), ImageRule(32, 32))
    content = {
        ModelFormat.TFLITE: model_file.attach_to_tflite(b"\x1c\0\0\0TFL3" + bytes(500), card),
        ModelFormat.ONNX: model_file.attach_to_onnx(b"\x08\x08\x12\x02ab", card),
    }[format_]
    with pytest.raises(BadModel, match=rf"m\.{format_}: .*; export it again"):
        open_engine(ModelFile(Path(f"m.{format_}"), format_, content, card))


@pytest.mark.parametrize(("package", "suffix"), [("ai_edge_litert", ".tflite"), ("onnxruntime", ".onnx")])
def test_a_missing_engine_names_the_package_to_install(tiny, tmp_path: Path, package: str, suffix: str):
    (tmp_path / f"{package}.py").write_text("raise ImportError('not here')")
    program = (
        "import sys; from edgecls.edge_runtime.classifier import Classifier\n"
        "from edgecls.edge_runtime.errors import Unavailable\n"
        "try: Classifier(sys.argv[1])\n"
        "except Unavailable as error: print(error.exit_code, error)\n"
    )
    path = next(path for path in tiny.files if path.suffix == suffix)
    done = subprocess.run(
        [sys.executable, "-c", program, path],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("69 ")
    assert f"run `pip install {package.replace('_', '-')}`" in done.stdout


def test_a_network_that_xnnpack_cannot_prepare_runs_without_it(monkeypatch):
    from edgecls.edge_runtime.engines import litert
    from edgecls.edge_runtime.engines.engine import start_engine

    def unprepared(*, experimental_op_resolver_type, **settings):
        if experimental_op_resolver_type is litert.OpResolverType.AUTO:
            raise RuntimeError("failed to create XNNPACK runtimeNode number 68 failed to prepare.")
        return whole(experimental_op_resolver_type=experimental_op_resolver_type, **settings)

    model = builtin_model()
    picture = np.random.default_rng(0).integers(0, 256, model.card.image.shape, np.uint8)
    with_it = start_engine(model).probabilities(picture)
    whole = litert.Interpreter
    monkeypatch.setattr(litert, "Interpreter", unprepared)
    without = start_engine(model).probabilities(picture)
    assert np.abs(with_it - without).max() < 0.02
