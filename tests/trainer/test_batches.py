import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.split import Split
from edgecls.trainer import batches as batches_module
from edgecls.trainer.batches import EpochBatches
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.teacher import Teacher


def numbered(count: int) -> Split:
    """Images that hold their own number."""
    numbers = np.arange(count)
    images = np.zeros((count, 8, 8, 3), np.uint8)
    images[:] = numbers[:, None, None, None]
    return Split(images, numbers)


def batches(split: Split, epoch: int = 0, seed: int = 0) -> list:
    made = EpochBatches(split, Recipe(seed=seed), epoch)
    return [made[index] for index in range(len(made))]


def test_every_image_comes_once_with_its_class_and_the_last_batch_is_smaller():
    made = batches(numbered(100))
    assert [len(truth) for _, truth in made] == [32, 32, 32, 4]
    assert sorted(np.concatenate([truth for _, truth in made])) == list(range(100))
    for images, truth in made:
        assert images.dtype == np.uint8
        assert (images[:, 0, 0, 0] == truth).all()


def test_seed_and_epoch_alone_decide_the_order():
    def order(**how):
        return np.concatenate([truth for _, truth in batches(numbered(100), **how)]).tolist()

    assert order() == order()
    assert len({tuple(order(epoch=epoch, seed=seed)) for epoch in range(3) for seed in range(3)}) == 9


@pytest.mark.parametrize("augmented", [False, True])
def test_a_batch_is_the_same_however_often_it_is_asked_for(augmented):
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    recipe = Recipe(augment=("flip", "shift") if augmented else ())
    made = EpochBatches(Split(images, np.arange(64)), recipe, 0)
    first, _, again = made[1], made[0], made[1]
    assert (first[0] == again[0]).all()
    chosen = images[first[1]]
    assert (chosen == first[0]).all() != augmented


def test_an_epoch_of_many_chunks_is_whole_too(monkeypatch):
    monkeypatch.setattr(batches_module, "_CHUNK_IMAGES", 64)
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3), dtype=np.uint8)
    made = EpochBatches(Split(images, np.arange(200)), Recipe(augment=("flip",)), 0)
    truth = np.concatenate([made[index][1] for index in range(len(made))])
    assert sorted(truth) == list(range(200))
    for index in (6, 0, 3):  # in any order
        pictures, classes = made[index]
        mirrored = images[classes][:, :, ::-1]
        same = (pictures == images[classes]).all((1, 2, 3)) | (pictures == mirrored).all((1, 2, 3))
        assert same.all()


def test_class_weights_go_beside_each_image():
    split = Split(np.zeros((5, 8, 8, 3), np.uint8), np.array([0, 0, 0, 0, 1]))
    _, truth, weights = EpochBatches(split, Recipe(), 0, class_weights=np.array([0.625, 2.5]))[0]
    assert (weights == np.where(truth == 1, 2.5, 0.625)).all()


def test_a_teacher_is_asked_once_for_each_round_and_its_answers_stay_with_their_images():
    asked = []

    class Brightness(Teacher):
        def probabilities(self, images, in_round, start):
            if not self._is_known[in_round, start]:
                asked.append((in_round, start))
            return super().probabilities(images, in_round, start)

    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Lambda(lambda x: x[:, :2]),
        ]
    )
    teacher = Brightness(network, images=100, classes=2, epochs=2)
    for epoch in (0, 1, 2):
        made = EpochBatches(numbered(100), Recipe(), epoch, teacher=teacher)
        made.run_teacher()
        for images, target in (made[index] for index in range(len(made))):
            assert target[:, 0] == pytest.approx(images[:, 0, 0, 0])
            assert target[:, 1] == pytest.approx(images[:, 0, 0, 0] / 255, rel=1e-3)
    assert asked == [(0, 0), (1, 0)]
