from dataclasses import replace
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import MissingInput, UsageError
from edgecls.edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from edgecls.trainer.options import TrainOptions, train_options
from edgecls.trainer.recipe import Recipe, named_recipe
from tests.trainer.test_report import REPORT


def test_a_network_is_not_written_over_its_teacher(tmp_path, monkeypatch):
    (tmp_path / "big.h5").touch()
    monkeypatch.chdir(tmp_path)
    training = TrainOptions(
        "digits", Path("big.h5"), ImageRule(32, 32), Recipe(teacher=str(tmp_path / "big.h5"))
    )
    with pytest.raises(UsageError, match=r"^--output big.h5: is the teacher itself; choose another name$"):
        training.check()


def test_nothing_to_go_on_with_is_told_before_anything_is_read(tmp_path):
    training = TrainOptions("digits", tmp_path / "model.h5", ImageRule(32, 32), Recipe())
    training.check()
    with pytest.raises(MissingInput, match="there is no training to resume; leave --resume out"):
        training.check(resume=True)


MODEL = Path("model.h5")
RULE = ImageRule(32, 32, transparent="white", bits=BITS_OF_DATA, decode="reduced")


@pytest.fixture
def report(tmp_path) -> Path:
    """A report of another training."""
    path = tmp_path / "report.json"
    recipe = Recipe(arch="nano", epochs=50, augment=("flip",), seed=3)
    path.write_text(replace(REPORT, recipe=recipe, image=ImageRule(48, 48)).to_json())
    return path


def test_without_options_it_is_the_documented_training():
    training = train_options(MODEL, {"epochs": None})
    assert (training.data, training.output, training.image) == ("cifar10", MODEL, RULE)
    assert training.recipe == Recipe()


def test_other_networks_are_trained_by_the_best_recipe_unless_told_otherwise():
    assert train_options(MODEL, {}, arch="nano").recipe == named_recipe("best", "nano")
    assert train_options(MODEL, {}, arch="nano", recipe="documented").recipe == Recipe(arch="nano")
    assert train_options(MODEL, {}, recipe="best").recipe == named_recipe("best", "cnn")


def test_an_option_changes_its_part_of_the_recipe_alone():
    given = {"epochs": 3, "augment": "none", "dropout": None}
    training = train_options(MODEL, given, recipe="best", imgsz=48)
    assert training.recipe == replace(named_recipe("best", "cnn"), epochs=3, augment=())
    assert training.image == replace(RULE, height_px=48, width_px=48)


@pytest.mark.parametrize(
    ("given", "names", "follows"),
    [
        ({}, {"arch": "nano"}, True),
        ({"epochs": 3}, {"recipe": "best"}, True),
        ({"batch_size": 128}, {"arch": "nano"}, False),
        ({"learning_rate": 0.1}, {"arch": "nano"}, False),
        ({}, {}, False),
        ({}, {"arch": "nano", "recipe": "documented"}, False),
    ],
)
def test_batches_follow_the_count_of_images_where_nothing_else_was_asked_for(given, names, follows):
    assert train_options(MODEL, given, **names).is_for_any_count is follows


def test_own_pictures_take_a_pretrained_network_and_only_these(tmp_path):
    own = train_options(MODEL, {}, data=str(tmp_path))
    assert (own.recipe, own.image.height_px) == (named_recipe("frozen", "lite0"), 96)
    assert own.if_many == named_recipe("tuned", "lite0")
    for known in ("cifar10", "digits"):
        assert train_options(MODEL, {}, data=known).recipe == Recipe()
    batches = tmp_path / "cifar-10-batches-py"
    batches.mkdir()
    (batches / "data_batch_1").touch()
    assert train_options(MODEL, {}, data=str(batches)).recipe.arch == "cnn"


def test_what_was_asked_for_is_taken_however_many_pictures_there_are(tmp_path):
    data = str(tmp_path)
    assert train_options(MODEL, {}, data=data, arch="nano").recipe == named_recipe("best", "nano")
    assert train_options(MODEL, {}, data=data, recipe="frozen").if_many is None
    tuned = train_options(MODEL, {"learning_rate": 0.1}, data=data)  # which is only for tuning
    assert (tuned.recipe.backbone, tuned.recipe.learning_rate, tuned.if_many) == ("tuned", 0.1, None)
    both = train_options(MODEL, {"seed": 3}, data=data)
    assert both.if_many is not None
    assert (both.recipe.seed, both.if_many.seed) == (3, 3)


def test_what_has_no_effect_on_a_frozen_network_is_refused(tmp_path):
    message = r"--batch-size: has no effect with --recipe frozen; leave it out, or use --recipe tuned"
    with pytest.raises(UsageError, match=message):
        train_options(MODEL, {"batch_size": 8}, data=str(tmp_path), recipe="frozen")
    path = tmp_path / "report.json"
    path.write_text(replace(REPORT, recipe=named_recipe("frozen", "lite0")).to_json())
    with pytest.raises(UsageError, match=r"--dropout: has no effect with --from .*, whose recipe is frozen"):
        train_options(MODEL, {"dropout": 0.2}, report=path)
    assert train_options(MODEL, {"epochs": 2}, report=path).recipe.epochs == 2
    with pytest.raises(
        UsageError, match=r"--recipe frozen: nano has no pretrained weights; use --arch lite0"
    ):
        train_options(MODEL, {}, arch="nano", recipe="frozen")


def test_a_report_is_followed_to_the_letter(report):
    assert not train_options(MODEL, {}, report=report).is_for_any_count


def test_a_report_gives_everything_that_is_not_given(report, tmp_path):
    training = train_options(MODEL, {"seed": 7}, report=report)
    assert training.recipe == Recipe(arch="nano", epochs=50, augment=("flip",), seed=7)
    assert (training.data, training.image) == (REPORT.data, ImageRule(48, 48))
    assert train_options(MODEL, {}, report=report, data="digits", imgsz=32).data == "digits"


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training = train_options(MODEL, {"teacher": Path("big.h5")}, data="pets")
    assert (training.data, training.recipe.teacher) == (str(tmp_path / "pets"), str(tmp_path / "big.h5"))


def test_contradictions_and_unknown_names_are_refused(report, tmp_path):
    with pytest.raises(UsageError, match=r"--arch: --from .*report.json sets it too; leave one of them out"):
        train_options(MODEL, {}, arch="nano", report=report)
    with pytest.raises(UsageError, match=r"--recipe: --from .* sets it too"):
        train_options(MODEL, {}, recipe="best", report=report)
    with pytest.raises(
        UsageError, match=r"--recipe magic: no such recipe; use documented, best, frozen or tuned"
    ):
        train_options(MODEL, {}, recipe="magic")
    with pytest.raises(MissingInput, match=r"none.json"):
        train_options(MODEL, {}, report=tmp_path / "none.json")


def test_an_augmentation_that_was_chosen_stays_as_it_is():
    assert train_options(MODEL, {"augment": "flip"}).is_augment_given
    assert not train_options(MODEL, {"epochs": 3}, arch="nano").is_augment_given
