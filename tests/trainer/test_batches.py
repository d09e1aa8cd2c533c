import numpy as np
import pytest
from edgecls.trainer.batches import EpochBatches
from edgecls.trainer.split import Split


def numbered(count: int) -> Split:
    """Images that hold their own number."""
    numbers = np.arange(count)
    images = np.zeros((count, 8, 8, 3), np.uint8)
    images[:] = numbers[:, None, None, None]
    return Split(images, numbers)


def batches(split: Split, epoch: int = 0, seed: int = 0, augmented: bool = False) -> list:
    made = EpochBatches(split, 32, seed, epoch, augmented=augmented, mirror=True)
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
    made = EpochBatches(Split(images, np.arange(64)), 32, 0, 0, augmented=augmented, mirror=True)
    first, _, again = made[1], made[0], made[1]
    assert (first[0] == again[0]).all()
    chosen = images[first[1]]
    assert (chosen == first[0]).all() != augmented
