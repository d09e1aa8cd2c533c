import numpy as np
import pytest
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.frozen import FreezeWatch

RANDOM = np.random.default_rng(0)
JPEG = b"\xff\xd8" + RANDOM.bytes(1000)
PIXELS = RANDOM.integers(0, 256, (48, 64, 3), np.uint8)


def changes(*shown: tuple[float, np.ndarray | bytes]) -> list[tuple[float, bool]]:
    """When (in seconds) the state changed, and to what."""
    watch, given = FreezeWatch(after_s=10), []
    for sequence, (time_s, picture) in enumerate(shown, 1):
        if watch.see(Frame(picture, sequence, time_s)):
            given.append((time_s, watch.is_frozen))
    return given


@pytest.mark.parametrize("picture", [JPEG, PIXELS], ids=["JPEG", "pixels"])
def test_the_same_picture_is_frozen_after_ten_seconds_and_moves_with_the_next_other_one(picture):
    copies = [
        (1000 + second, picture.copy() if picture is PIXELS else bytes(picture)) for second in range(15)
    ]
    other = picture[::-1]

    assert changes(*copies, (1015, other), (1016, picture)) == [(1010, True), (1015, False)]


def test_a_single_byte_tells_pictures_apart():
    last_pixel = PIXELS.copy()
    last_pixel[-1, -1, -1] ^= 1

    assert changes(*[(second, [PIXELS, last_pixel][second % 2]) for second in range(30)]) == []
    assert changes(*[(second, [JPEG, JPEG[:-1] + b"\0"][second % 2]) for second in range(30)]) == []


def test_another_size_or_kind_is_another_picture():
    black = np.zeros((48, 64, 3), np.uint8)

    assert changes(*[(second, [black, black.reshape(64, 48, 3)][second % 2]) for second in range(30)]) == []
    assert changes(*[(second, [black, JPEG][second % 2]) for second in range(30)]) == []


def test_two_pictures_far_apart_are_enough():
    assert changes((0, JPEG), (60, JPEG)) == [(60, True)]
