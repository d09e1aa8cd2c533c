"""Files made elsewhere are adopted: their preparation is found on pictures, and the file is one of ours."""

from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="needs edgecls[train]")
pytest.importorskip("sklearn", reason="needs edgecls[train]")

from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadData, BadModel, MissingInput, UsageError
from edgecls.edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from edgecls.edge_runtime.inspection.inspect import read_network
from edgecls.edge_runtime.models.golden import replay_golden
from edgecls.edge_runtime.models.model_file import content_sha256, read_model
from edgecls.edge_runtime.models.passed import remember
from edgecls.export.adoption.adopt import AdoptOptions, run_adopt
from edgecls.export.adoption.report import render_adoption
from edgecls.export.adoption.stranger import StrangerOptions
from tests.export.adoption.strangers import LABELS, colour_network, write_labels, write_pictures

WAYS = (
    PictureOptions(scale="0..1"),
    PictureOptions(scale="-1..1"),
    PictureOptions(scale="0..255"),
    PictureOptions(mean="imagenet"),
    PictureOptions(scale="0..255", channels="bgr"),
    PictureOptions(scale="0..255", mean="103.939,116.779,123.68", channels="bgr"),
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("colours"), 12)


def adopt(
    folder: Path,
    network: bytes,
    data: Path,
    known=AS_THE_FILE_SAYS,
    labels=LABELS,
    *,
    guarded=False,
    **options,
):
    (folder / "their.onnx").write_bytes(network)
    if not guarded:
        remember(content_sha256(network), "run")
    stranger = StrangerOptions(folder / "their.onnx", write_labels(folder / "labels.txt", labels), known)
    return run_adopt(AdoptOptions(stranger, str(data), **options))


def model_of(adoption):
    assert adoption.path, adoption.refusal
    return read_model(adoption.path)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.text.replace(" ", ""))
def test_scale_mean_and_channels_are_found(tmp_path, pictures, way):
    adoption = adopt(tmp_path, colour_network(way), pictures)
    assert adoption.refusal == ""
    assert adoption.path == tmp_path / "their_edgecls.onnx"
    card = model_of(adoption).card
    assert (card.scale, card.offset) == way.scaling
    assert card.image.channels == (way.channels or "rgb")
    assert card.labels == LABELS
    assert adoption.accuracy > 0.9
    assert adoption.judged == adoption.fitted == 36


def test_from_there_on_it_is_a_file_of_ours(tmp_path, pictures):
    adoption = adopt(tmp_path, colour_network(WAYS[3]), pictures, guarded=True)
    model = model_of(adoption)
    with closing(open_engine(model)) as engine:
        assert len(model.card.golden) >= 2
        assert all(result.holds for result in replay_golden(engine, model.card))
    with Classifier(adoption.path, threshold=0) as classifier:
        assert classifier.classify(pictures / "sand" / "0.png").label == "sand"
    assert model.card.provenance.recipe["adopted_from"] == "their.onnx"
    assert model.card.provenance.accuracy == adoption.accuracy
    adopt(tmp_path, colour_network(WAYS[3]), pictures)  # again, over what it made before


def test_wide_pictures_tell_crops_apart_and_square_ones_do_not(tmp_path, pictures):
    wide = write_pictures(tmp_path / "wide", 12, wide=True)
    adoption = adopt(tmp_path, colour_network(WAYS[0]), wide)
    assert model_of(adoption).card.image.crop == "center"
    assert "--crop stretch" not in [tried.preparation.options for tried in adoption.found.equal]
    adoption = adopt(tmp_path, colour_network(WAYS[0]), pictures)
    assert "do not tell it from: --scale 0..1 --crop stretch" in render_adoption(adoption)


def test_labels_in_another_order_are_shown_and_taken_when_asked_for(tmp_path, pictures):
    network, mixed = colour_network(WAYS[0]), (LABELS[2], LABELS[0], LABELS[1], *LABELS[3:])
    adoption = adopt(tmp_path, network, pictures, labels=mixed)
    assert adoption.path is None
    assert f"with {', '.join(LABELS)}; add --reorder" in adoption.refusal
    assert not (tmp_path / "their_edgecls.onnx").exists()
    adoption = adopt(tmp_path, network, pictures, labels=mixed, reorder=True)
    assert model_of(adoption).card.labels == LABELS


def test_what_the_user_knows_is_not_tried_otherwise(tmp_path, pictures):
    known = PictureOptions(scale="-1..1", crop="center")
    adoption = adopt(tmp_path, colour_network(WAYS[1]), pictures, known)
    assert {tried.preparation.rule.crop for tried in adoption.found.tried} == {"center"}
    assert {tried.preparation.scaling.options for tried in adoption.found.tried} == {"--scale -1..1"}


def test_answers_by_chance_are_refused(tmp_path, pictures):
    for number, label in enumerate(LABELS):  # every class's pictures in every folder
        for folder in LABELS:
            for picture in sorted((pictures / label).iterdir())[:2]:
                place = tmp_path / "mixed" / folder / f"{number}_{picture.name}"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(picture.read_bytes())
    adoption = adopt(tmp_path, colour_network(WAYS[0]), tmp_path / "mixed")
    assert adoption.path is None
    assert "none is better than chance" in adoption.refusal


def test_few_pictures_are_said_to_be_few(tmp_path):
    few = write_pictures(tmp_path / "few", 2)
    adoption = adopt(tmp_path, colour_network(WAYS[0]), few)
    text = render_adoption(adoption)
    assert "the same that it was chosen by" in text
    assert "threshold: none" in text
    assert model_of(adoption).card.threshold == 0


def test_files_of_others_are_not_written_over(tmp_path, pictures):
    (tmp_path / "their_edgecls.onnx").write_bytes(b"mine")
    with pytest.raises(UsageError, match="--force"):
        adopt(tmp_path, colour_network(WAYS[0]), pictures)
    assert (tmp_path / "their_edgecls.onnx").read_bytes() == b"mine"
    adopt(tmp_path, colour_network(WAYS[0]), pictures, force=True)
    with pytest.raises(UsageError, match="the file to adopt"):
        adopt(tmp_path, colour_network(WAYS[0]), pictures, output=tmp_path / "their.onnx")


def test_folders_and_labels_without_each_other_are_said(tmp_path, pictures):
    adoption = adopt(tmp_path, colour_network(WAYS[0]), pictures, labels=(*LABELS[:-1], "cream"))
    assert "folders that are no label, left out: sand" in adoption.pictures.notes
    assert "labels without pictures, not tried: cream" in adoption.pictures.notes
    with pytest.raises(BadData, match="are not named after the labels"):
        adopt(tmp_path, colour_network(WAYS[0]), pictures, labels=tuple("abcdef"))


def test_a_file_of_ours_and_a_keras_file_are_refused(tmp_path, pictures):
    adoption = adopt(tmp_path, colour_network(WAYS[0]), pictures)
    with pytest.raises(UsageError, match="carries its own labels"):
        adopt(tmp_path, model_of(adoption).content, pictures, force=True)
    with pytest.raises(UsageError, match="a Keras model"):
        adopt(tmp_path, b"\x89HDF\r\n\x1a\n", pictures)


def test_any_size_is_fixed_and_the_output_with_the_scores_is_kept(tmp_path, pictures):
    network = colour_network(WAYS[2], side="side", more_outputs=True)
    adoption = adopt(tmp_path, network, pictures, PictureOptions(imgsz=16))
    model = model_of(adoption)
    facts = read_network(model.content, "it")
    assert [(each.name, each.shape) for each in facts.inputs] == [("x", (1, 3, 16, 16))]
    assert [each.name for each in facts.outputs] == ["probabilities"]
    assert (model.card.output, model.card.image.height_px) == ("", 16)
    with pytest.raises(UsageError, match="--imgsz"):
        adopt(tmp_path, network, pictures, guarded=True)


def test_a_file_that_crashes_is_one_line(tmp_path, pictures):
    with pytest.raises(BadModel):
        adopt(tmp_path, b"\x08\x08" + b"\x3a\x10broken network!!", pictures, guarded=True)


def test_pictures_that_are_not_there_are_told_before_the_network_is_tried(tmp_path):
    steps: list[str] = []
    options = StrangerOptions(tmp_path / "their.onnx")
    with pytest.raises(MissingInput, match="nowhere"):
        run_adopt(AdoptOptions(options, str(tmp_path / "nowhere")), steps.append)
    assert not steps
