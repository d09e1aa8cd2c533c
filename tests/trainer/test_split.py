import numpy as np
import pytest
from edgecls.edge_runtime.errors import BadData
from edgecls.trainer.split import Parts, Split, complete, digest, hold_back


def images_of(*counts: int, seed: int = 0) -> Split:
    """Noise images, so many of each class."""
    truth = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(seed).integers(0, 256, (len(truth), 4, 4, 3), dtype=np.uint8)
    return Split(images, truth)


def as_set(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images}


def test_the_same_share_of_each_class_is_held_back():
    kept, held = hold_back(images_of(200, 100, 20), 0.15, seed=0)
    assert np.bincount(held.truth).tolist() == [30, 15, 3]
    assert np.bincount(kept.truth).tolist() == [170, 85, 17]
    assert not as_set(kept) & as_set(held)


def test_a_seed_gives_one_split_and_another_seed_another():
    split = images_of(50, 50)
    first, again, other = (hold_back(split, 0.2, seed)[1] for seed in (1, 1, 2))
    assert as_set(first) == as_set(again)
    assert as_set(first) != as_set(other)


def test_the_split_does_not_depend_on_the_order_of_the_files():
    split = images_of(30, 30)
    order = np.random.default_rng(5).permutation(60)
    assert as_set(hold_back(split, 0.2, 0)[1]) == as_set(hold_back(split.where(order), 0.2, 0)[1])


def test_equal_images_stay_on_one_side():
    split = images_of(40, 40)
    twice = Split(np.concatenate([split.images] * 2), np.concatenate([split.truth] * 2))
    kept, held = hold_back(twice, 0.25, seed=3)
    assert not as_set(kept) & as_set(held)
    assert len(kept) + len(held) == 160


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_tiny_class_keeps_an_image_on_each_side(count):
    for share in (0.01, 0.99):
        kept, held = hold_back(images_of(count, count), share, seed=0)
        assert set(kept.truth) == set(held.truth) == {0, 1}


def test_without_val_and_test_the_shares_are_70_15_15():
    train, val, test = complete(Parts(("a", "b"), images_of(100, 100)), "it", seed=0)
    assert (len(train), len(val), len(test)) == (140, 30, 30)


def test_without_val_a_twentieth_of_train_is_held_back_and_test_stays_as_it_is():
    given = images_of(10, 10, seed=1)
    train, val, test = complete(Parts(("a", "b"), images_of(100, 100), test=given), "it", seed=0)
    assert (len(train), len(val)) == (190, 10)
    assert test is given


def test_without_test_it_comes_from_train_and_val_stays_as_it_is():
    given = images_of(10, 10, seed=1)
    train, val, test = complete(Parts(("a", "b"), images_of(100, 100), val=given), "it", seed=0)
    assert (len(train), len(test)) == (170, 30)
    assert val is given


def test_what_is_given_is_not_cut():
    parts = [images_of(5, 5, seed=seed) for seed in range(3)]
    assert complete(Parts(("a", "b"), *parts), "it", seed=0) == tuple(parts)


def test_three_images_of_a_class_are_enough_for_three_parts():
    for part in complete(Parts(("a", "b"), images_of(3, 50)), "it", seed=0):
        assert set(part.truth) == {0, 1}


def test_a_class_with_too_few_different_images_is_named():
    split = images_of(10, 6)
    split.images[split.truth == 1] = split.images[11]
    with pytest.raises(BadData, match=r"it: class dog has 1 different training images.*at least 3"):
        complete(Parts(("cat", "dog"), split), "it", seed=0)


def test_the_digest_sees_pixels_classes_labels_and_the_split():
    labels, splits = ("a", "b"), (images_of(4, 4), images_of(2, 2, seed=1))
    pixel = images_of(4, 4)
    pixel.images[0, 0, 0, 0] ^= 1
    truth = images_of(4, 4)
    truth.truth[0] = 1
    others = [
        digest(labels, (pixel, splits[1])),
        digest(labels, (truth, splits[1])),
        digest(("a", "c"), splits),
        digest(labels, splits[::-1]),
    ]
    assert digest(labels, splits) == digest(labels, (images_of(4, 4), images_of(2, 2, seed=1)))
    assert len({digest(labels, splits), *others}) == 5
