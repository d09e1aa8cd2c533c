import json
from dataclasses import asdict

import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.schema import checked
from edgecls.trainer.augmentation import parse_kinds
from edgecls.trainer.networks.design import ARCHITECTURES
from edgecls.trainer.recipe import Recipe, are_many, for_few_images, mirror_note, named_recipe, without_flip


def test_the_default_is_the_documented_recipe_and_nothing_else():
    recipe = Recipe()
    assert (recipe.arch, recipe.epochs, recipe.batch_size) == ("cnn", 10, 32)
    assert (recipe.optimizer, recipe.learning_rate, recipe.schedule) == ("adam", 0.001, "constant")
    assert not any(
        (recipe.augment, recipe.dropout, recipe.weight_decay, recipe.label_smoothing, recipe.average_epochs)
    )
    assert not any((recipe.early_stopping, recipe.balance, recipe.teacher))


def test_it_survives_json():
    recipe = Recipe(arch="resnet", depth=20, augment=("flip", "jpeg"), teacher="/models/big.h5")
    assert checked(Recipe, json.loads(json.dumps(asdict(recipe)))) == recipe


def test_its_values_have_their_names_on_the_command_line():
    options = Recipe(augment=("flip", "shift")).by_option()
    assert (options["--augment"], options["--batch-size"]) == ("flip,shift", 32)
    assert Recipe().by_option()["--augment"] == "none"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "lion"}, "--optimizer lion: not known; use adam, adamw, muon or sgd"),
        ({"schedule": "cosine"}, "--schedule cosine: not known; use constant or one-cycle"),
        ({"precision": "int4"}, "--precision int4: not known; use float32 or bfloat16"),
        ({"augment": ("flip", "fog")}, "--augment fog: no such kind; use jpeg,flip"),
        ({"early_stopping": True, "average_epochs": 3}, "--early-stopping and --average-epochs: the one"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**values)


def test_the_documented_one_is_the_default_of_the_documented_network_alone():
    assert named_recipe(None, "cnn") == named_recipe("documented", "cnn") == Recipe()
    assert named_recipe(None, "nano") == named_recipe("best", "nano") != named_recipe("documented", "nano")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_network_has_a_best_one_with_augmentation_and_a_schedule(arch):
    best = named_recipe("best", arch)
    assert (best.arch, best.schedule) == (arch, "one-cycle")
    assert {"flip", "shift"} <= set(best.augment)
    assert best.augment == parse_kinds(",".join(best.augment))  # --resume compares them as they are spelled
    assert best.balance


def test_an_unknown_one_is_refused():
    with pytest.raises(
        UsageError, match=r"--recipe good: no such recipe; use documented, best, frozen or tuned"
    ):
        named_recipe("good", "cnn")


@pytest.mark.parametrize(
    ("images", "batch", "rate"),
    [
        (45_000, 128, 0.16),
        (1280, 128, 0.16),
        (1279, 64, 0.113),
        (320, 32, 0.08),
        (187, 16, 0.057),
        (3, 16, 0.057),
    ],
)
def test_an_epoch_of_few_images_has_smaller_batches_and_steps(images, batch, rate):
    recipe = for_few_images(Recipe(batch_size=128, learning_rate=0.16), images)
    assert recipe == Recipe(batch_size=batch, learning_rate=pytest.approx(rate, abs=6e-4))


@pytest.mark.parametrize(("images", "passes"), [(20, 8), (500, 8), (1_650, 4), (9_000, 3), (60_000, 1)])
def test_a_frozen_network_looks_at_few_pictures_more_often(images, passes):
    assert for_few_images(named_recipe("frozen", "lite0"), images).epochs == passes


def test_the_smaller_a_pretrained_network_the_sooner_it_is_tuned():
    assert not are_many("lite0", 5 * 330, 5)
    assert are_many("lite0-4", 5 * 330, 5)
    assert not are_many("lite0-4", 5 * 10, 5)


def test_a_batch_that_is_small_already_stays():
    assert for_few_images(Recipe(batch_size=20, learning_rate=0.1), 3) == Recipe(
        batch_size=20, learning_rate=0.1
    )


def test_what_becomes_of_left_and_right_is_said():
    recipe = Recipe(augment=("jpeg", "flip", "shift"))
    pair = ("left", "right")
    assert mirror_note(recipe, None) == (
        "flip: mirrored images keep their class; where left and right matter: --augment jpeg,shift"
    )
    assert (mirror_note(recipe, pair) or "").startswith(
        "warning: flip mirrors images, but left and right seem"
    )
    assert (mirror_note(without_flip(recipe), pair) or "").endswith("all the same: --augment jpeg,flip,shift")
    assert mirror_note(without_flip(recipe), None) is None
