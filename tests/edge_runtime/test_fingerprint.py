import numpy as np
import pytest
from edgecls.edge_runtime.fingerprint import fingerprint, from_text, to_text

IMAGES = np.random.default_rng(0).integers(0, 256, (512, 8, 8, 3), np.uint8)


def test_every_image_is_found_again_and_another_is_not():
    known = from_text(to_text(IMAGES))
    assert len(known) == 512
    assert all(fingerprint(image) in known for image in IMAGES)
    assert fingerprint(255 - IMAGES[0]) not in known


def test_the_text_is_small_and_does_not_tell_the_order():
    assert len(to_text(IMAGES)) < 3500
    assert to_text(IMAGES) == to_text(IMAGES[::-1])


def test_no_images_are_an_empty_text():
    assert to_text([]) == ""
    assert from_text("") == frozenset()


def test_anything_else_is_refused():
    with pytest.raises(ValueError, match=r"base64|padding"):
        from_text("not base64!")
