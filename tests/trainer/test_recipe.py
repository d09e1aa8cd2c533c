import json
from dataclasses import asdict

import pytest
from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.recipe import Recipe


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
    assert Recipe.from_values(json.loads(json.dumps(asdict(recipe)))) == recipe


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
