import hashlib

import numpy as np
import pytest

from edgecls.data.held_back import complete
from edgecls.data.held_back import hold_back as chosen_to_hold_back
from edgecls.data.near_duplicates import Groups
from edgecls.data.split import Parts, Split, Whole, digest, stratified
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.opencv import cv2


def images_of(*counts: int, seed: int = 0) -> Split:
    """Noise images, so many of each class."""
    truth = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(seed).integers(0, 256, (len(truth), 4, 4, 3), dtype=np.uint8)
    return Split(images, truth)


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Kept and held back, where only equal images belong together."""
    pixels = [image.tobytes() for image in split.images]
    held = chosen_to_hold_back(split, Groups(np.unique(pixels, return_inverse=True)[1]), share, seed)
    return split.where(~held), split.where(held)


def parts_of(whole: Whole) -> tuple[Split, Split, Split]:
    return whole.train, whole.val, whole.test


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
    train, val, test = parts_of(complete(Parts(("a", "b"), images_of(100, 100)), "it", seed=0))
    assert (len(train), len(val), len(test)) == (140, 30, 30)


def test_without_val_a_twentieth_of_train_is_held_back_and_test_stays_as_it_is():
    given = images_of(10, 10, seed=1)
    train, val, test = parts_of(complete(Parts(("a", "b"), images_of(100, 100), test=given), "it", seed=0))
    assert (len(train), len(val)) == (190, 10)
    assert test is given


def test_without_test_it_comes_from_train_and_val_stays_as_it_is():
    given = images_of(10, 10, seed=1)
    train, val, test = parts_of(complete(Parts(("a", "b"), images_of(100, 100), val=given), "it", seed=0))
    assert (len(train), len(test)) == (170, 30)
    assert val is given


def test_what_is_given_is_not_cut():
    parts = [images_of(5, 5, seed=seed) for seed in range(3)]
    assert parts_of(complete(Parts(("a", "b"), *parts), "it", seed=0)) == tuple(parts)


def test_three_images_of_a_class_are_enough_for_three_parts():
    for part in parts_of(complete(Parts(("a", "b"), images_of(3, 50)), "it", seed=0)):
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


def scenes(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 (N, 32, 32, 3): as different as photographs are."""
    rough = np.random.default_rng(seed).integers(0, 256, (count, 5, 5, 3), np.uint8)
    return np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_CUBIC) for image in rough])


def bursts(count: int, frames: int, seed: int = 0) -> np.ndarray:
    """Scenes, each so many times with the noise of a camera."""
    noise = np.random.default_rng(seed + 1).integers(-5, 6, (count * frames, 32, 32, 3))
    return np.clip(np.repeat(scenes(count, seed), frames, axis=0) + noise, 0, 255).astype(np.uint8)


def scene_numbers(whole: Whole, frames: np.ndarray, each: int) -> list[set[int]]:
    """Of which scenes the frames of each part are."""
    place = {frame.tobytes(): index // each for index, frame in enumerate(frames)}
    return [{place[image.tobytes()] for image in part.images} for part in parts_of(whole)]


def test_a_burst_stays_in_one_part_and_each_class_keeps_its_share():
    frames = bursts(80, 5)
    whole = complete(Parts(("a", "b"), Split(frames, np.arange(80).repeat(5) % 2)), "it", seed=0)
    train, val, test = scene_numbers(whole, frames, each=5)
    assert not train & val | train & test | val & test
    assert [np.bincount(part.truth).tolist() for part in parts_of(whole)] == [[140] * 2, [30] * 2, [30] * 2]
    assert whole.notes[0].startswith(
        "400 near-duplicate images (bursts, copies); each of the 80 groups is kept in one part"
    )


def test_images_without_near_duplicates_are_split_by_their_pixels_as_ever():
    images = scenes(100, seed=7)
    whole = complete(Parts(("a", "b"), Split(images, np.arange(100) % 2)), "it", seed=0)
    assert [len(part) for part in parts_of(whole)] == [70, 14, 16]
    assert whole.notes == ()
    salt = (0).to_bytes(8, "little")
    by_key = sorted(
        images[::2],
        key=lambda image: hashlib.blake2b(image, digest_size=8, salt=salt).digest()[::-1],
    )
    assert {image.tobytes() for image in by_key[:8]} == as_set(whole.test.where(whole.test.truth == 0))


def test_a_class_of_one_scene_is_parted_all_the_same_with_a_warning():
    still, many = bursts(1, 60, seed=3), scenes(60, seed=4)
    whole = complete(
        Parts(("cup", "other"), Split(np.concatenate([still, many]), np.repeat([0, 1], 60))), "it", seed=0
    )
    assert [np.bincount(part.truth).tolist() for part in parts_of(whole)] == [[42, 42], [9, 9], [9, 9]]
    assert whole.notes[-1].startswith("warning: nearly all images of cup look alike, so near-duplicates are")
    assert not any("kept in one part" in note for note in whole.notes)


def test_what_is_kept_whole_beside_a_divided_class_is_said():
    images = np.concatenate([bursts(1, 60, seed=3), bursts(20, 3, seed=4)])
    whole = complete(Parts(("cup", "other"), Split(images, np.repeat([0, 1], 60))), "it", seed=0)
    assert whole.notes[0].startswith(
        "60 near-duplicate images (bursts, copies); each of the 20 groups is kept"
    )


def test_groups_that_are_all_larger_than_the_share_give_the_smallest():
    images = np.concatenate([bursts(3, 20), bursts(1, 10, seed=9), scenes(40, 8)])
    whole = complete(
        Parts(("a", "b"), Split(images, np.repeat([0, 1], [70, 40]))),
        "it",
        0,
    )
    assert [np.bincount(part.truth)[0] for part in parts_of(whole)] == [40, 20, 10]


def test_near_duplicates_of_two_classes_stay_in_one_part():
    frames = bursts(60, 2)
    whole = complete(Parts(("a", "b"), Split(frames, np.arange(120) % 2)), "it", seed=0)
    train, val, test = scene_numbers(whole, frames, each=2)
    assert not train & val | train & test | val & test


def test_the_classes_that_share_most_pictures_are_named():
    images = scenes(30)
    truth = np.repeat([0, 1, 2], 10)
    copies, copied_to = images[[0, 1, 2, 10]], [2, 2, 2, 0]
    everything = Split(np.concatenate([images, copies]), np.concatenate([truth, copied_to]))
    whole = complete(Parts(("cup", "plate", "Cup"), everything), "it", seed=0)
    assert whole.notes == (
        "8 near-duplicate images (bursts, copies); each of the 4 groups is kept in one part",
        "warning: 8 images are near-duplicates across classes, most often cup and Cup; check that they are "
        "in the right folders and that the objects are large enough",
    )


def test_one_group_is_told_of_in_the_singular():
    images = np.concatenate([scenes(19), bursts(1, 3, seed=5)])
    whole = complete(Parts(("a", "b"), Split(images, np.repeat([0, 1], [10, 12]))), "it", seed=0)
    assert whole.notes == ("3 near-duplicate images (bursts, copies); the group is kept in one part",)


def test_drawings_that_are_merely_alike_are_not_taken_for_bursts():
    frames = bursts(2, 50)
    whole = complete(
        Parts(("a", "b"), Split(frames, np.repeat([0, 1], 50)), alike_is_copy=False), "it", seed=0
    )
    assert [len(part) for part in parts_of(whole)] == [70, 14, 16]
    assert whole.notes == ()


def test_classes_that_share_their_scenes_are_split_as_far_as_they_differ():
    frames = bursts(2, 30)
    whole = complete(Parts(("a", "b"), Split(frames, np.arange(60) % 2)), "it", seed=0)
    counts = np.array([np.bincount(part.truth) for part in parts_of(whole)])
    assert counts.sum() == 60
    assert (abs(counts - [[21], [4.5], [4.5]]) <= 2).all()
    (told,) = whole.notes  # one cause, one warning
    assert told.startswith(
        "warning: nearly all images of a, b look alike, 30 across classes, so near-duplicates"
    )


def test_classes_that_share_too_many_of_their_few_pictures_are_refused():
    images = scenes(5)[[0, 1, 2, 0, 1, 3, 2, 3, 4]]
    parts = Parts(("a", "b", "c"), Split(images, np.repeat([0, 1, 2], 3)))
    with pytest.raises(BadData, match=r"it: class [abc] cannot be in each of train, val and test"):
        complete(parts, "it", seed=0)


@pytest.mark.parametrize("count", [10, 11, 37, 99])
def test_each_class_is_chosen_by_its_share(count):
    truth = np.repeat([0, 1, 2], [50, 30, 20])
    chosen = np.bincount(truth[stratified(truth, count, seed=3)], minlength=3)
    assert chosen.sum() == count
    assert np.abs(chosen - count * np.array([0.5, 0.3, 0.2])).max() <= 1


def test_the_choice_depends_on_the_seed_alone():
    truth = np.repeat(np.arange(10), 20)
    assert (stratified(truth, 50, seed=1) == stratified(truth, 50, seed=1)).all()
    assert (stratified(truth, 50, seed=1) != stratified(truth, 50, seed=2)).any()
