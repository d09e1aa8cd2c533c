import numpy as np
import pytest

from edgecls.benchmarks.frames import HD, VGA, FrameFile, camera_frames, write_frames
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Two smooth pictures: one is red at its left and blue at its right, the other the other way round."""
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))
    flat = np.full_like(ramp, 60)
    return [np.dstack([ramp, flat, ramp[:, ::-1]]), np.dstack([ramp[:, ::-1], flat, ramp])]


@pytest.mark.parametrize("size", [VGA, HD], ids=lambda size: size.name)
def test_each_frame_has_the_size_and_about_the_bytes_of_a_cameras(pictures, size):
    for content in camera_frames(pictures, size, 4):
        assert len(content) == pytest.approx(size.jpeg_bytes, rel=0.011)
        assert decode(content, "").shape == (size.height_px, size.width_px, 3)


def test_the_network_sees_the_picture_that_the_frame_was_made_from(pictures):
    content = next(camera_frames(pictures, VGA, 1))
    seen = prepare(decode(content, ""), ImageRule(32, 32)).astype(int)
    assert np.abs(seen - pictures[0][..., ::-1]).mean() < 6


def test_more_frames_than_pictures_are_still_all_different(pictures):
    frames = list(camera_frames(pictures, VGA, 6))
    small = [prepare(decode(frame, ""), ImageRule(32, 32)).astype(int) for frame in frames]
    assert np.abs(small[0] - small[2]).mean() > 2  # another part of it, not other noise alone
    assert len(set(frames)) == 6


def test_the_same_pictures_give_the_same_frames(pictures):
    first, again = (list(camera_frames(pictures, VGA, 2)) for _ in range(2))
    assert first == again


def test_a_file_gives_its_frames_back_in_their_order(tmp_path):
    frames = [b"one", b"three", b"", b"seven"]
    write_frames(tmp_path / "a.frames", frames)
    file = FrameFile(tmp_path / "a.frames")
    assert list(file) == frames
    assert len(file) == 4
    going = file.for_ever()
    assert [next(going) for _ in range(6)] == [*frames, b"one", b"three"]


def test_the_median_of_a_files_frames_is_known(tmp_path):
    write_frames(tmp_path / "a.frames", [b"1", b"1" * 9, b"1" * 5])
    assert FrameFile(tmp_path / "a.frames").median_bytes == 5
