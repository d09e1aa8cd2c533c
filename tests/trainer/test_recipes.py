import pytest
from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.networks import ARCHITECTURES
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.recipes import named


def test_the_documented_one_is_the_default_of_the_documented_network_alone():
    assert named(None, "cnn") == named("documented", "cnn") == Recipe()
    assert named(None, "nano") == named("best", "nano") != named("documented", "nano")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_network_has_a_best_one_with_augmentation_and_a_schedule(arch):
    best = named("best", arch)
    assert (best.arch, best.schedule) == (arch, "one-cycle")
    assert {"flip", "shift"} <= set(best.augment)
    assert best.balance


def test_an_unknown_one_is_refused():
    with pytest.raises(UsageError, match=r"--recipe good: no such recipe; use documented or best"):
        named("good", "cnn")
