import numpy as np
import pytest
from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.augmentation import KINDS, augment, parse_kinds
from edgecls.trainer.augmentation.jpeg import jpeg
from edgecls.trainer.augmentation.shift import shift

EVERYTHING = [(kind,) for kind in KINDS] + [KINDS]


def noise(count: int, height_px: int = 20, width_px: int = 28) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, height_px, width_px, 3), dtype=np.uint8)


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_the_same_generator_gives_the_same_images_and_another_one_others(kinds):
    first, again, other = (augment(noise(40), np.random.default_rng(seed), kinds) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_the_data_set_itself_is_not_changed(kinds):
    images = noise(40)
    changed = augment(images, np.random.default_rng(0), kinds)
    assert (images == noise(40)).all()
    assert (changed != images).any()


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (9, 31), (224, 160), (700, 600)])
def test_images_of_any_size_and_number_stay_uint8_of_that_size(kinds, size):
    for count in (0, 1, 3):
        changed = augment(noise(count, *size), np.random.default_rng(0), kinds)
        assert changed.shape == (count, *size, 3)
        assert changed.dtype == np.uint8
        assert changed.flags.c_contiguous


@pytest.mark.parametrize("kinds", EVERYTHING, ids="-".join)
def test_each_image_stays_in_its_place_whatever_others_there_are(kinds):
    shades = np.linspace(40, 200, 300).astype(np.uint8)
    images = np.broadcast_to(shades[:, None, None, None], (300, 64, 64, 3))  # more than are changed at a time
    changed = augment(images, np.random.default_rng(0), kinds).mean(axis=(1, 2, 3))
    assert np.corrcoef(changed, shades)[0, 1] > 0.8


def test_images_that_may_not_be_mirrored_are_not_flipped():
    images = noise(40)
    assert (augment(images, np.random.default_rng(0), ("flip",), mirrored_is_same=False) == images).all()


def test_nothing_chosen_changes_nothing_but_gives_an_array_of_its_own():
    images = noise(4)
    changed = augment(images, np.random.default_rng(0), ())
    assert (changed == images).all()
    assert not np.shares_memory(changed, images)


def test_the_order_in_which_kinds_are_named_does_not_matter():
    one, other = (
        augment(noise(40), np.random.default_rng(0), kinds) for kinds in (("jpeg", "flip"), ("flip", "jpeg"))
    )
    assert (one == other).all()


def test_jpeg_comes_first_so_that_its_blocks_begin_where_those_of_a_jpeg_data_set_do():
    changed = augment(noise(40), np.random.default_rng(0), ("shift", "jpeg"))
    same_choices = np.random.default_rng(0)
    assert (changed == shift(jpeg(noise(40), same_choices), same_choices)).all()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("all", KINDS),
        ("none", ()),
        ("flip,shift", ("flip", "shift")),
        ("cutout, flip,flip", ("flip", "cutout")),
        ("flip,shift,crop,cutout,colour,jpeg,blur,noise", KINDS),
    ],
)
def test_kinds_are_read_each_once_and_in_the_order_in_which_they_are_applied(text, kinds):
    assert parse_kinds(text) == kinds


@pytest.mark.parametrize(
    ("text", "name"), [("flip,zoom", "zoom"), ("", ""), ("flip,all", "all"), ("flip,", "")]
)
def test_an_unknown_kind_is_named_and_the_known_ones_are_listed(text, name):
    with pytest.raises(UsageError) as error:
        parse_kinds(text)
    assert str(error.value) == (
        f"--augment {name}: no such kind; use jpeg,flip,shift,crop,blur,colour,noise,cutout, all or none"
    )
