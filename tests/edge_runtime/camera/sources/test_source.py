"""Images as a source."""

from pathlib import Path

import numpy as np

from edgecls.edge_runtime.camera.sources.address import ImageFiles
from edgecls.edge_runtime.camera.sources.source import EndOfSource, Stills
from edgecls.edge_runtime.errors import BadImage, MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from tests.edge_runtime.images.pictures import damaged, encoded, scene
from tests.mjpeg_server import numbered_picture, read_number


def write_images(folder: Path, *numbers: int) -> ImageFiles:
    for number in numbers:
        picture = numbered_picture(number, (64, 32))
        (folder / f"{number}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return ImageFiles(tuple(folder / f"{number}.png" for number in numbers), str(folder))


def read_all(source: Stills) -> tuple[list, Exception]:
    frames = []
    with source:
        while True:
            try:
                frame = source.read(0)
            except Exception as end:
                return frames, end
            if frame is not None:
                frames.append(frame)


def test_each_image_is_given_once_in_order_with_its_name(tmp_path):
    images = write_images(tmp_path, 3, 1, 2)

    frames, end = read_all(Stills(images))

    assert [read_number(frame.pixels) for frame in frames] == [3, 1, 2]
    assert [frame.sequence for frame in frames] == [1, 2, 3]
    assert [frame.name for frame in frames] == [str(path) for path in images.paths]
    assert frames[0].pixels.shape == (32, 64, 3)
    assert frames[0].pixels.dtype == np.uint8
    assert isinstance(end, EndOfSource)


def test_the_only_image_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "1.jpg").write_text("words")

    frames, end = read_all(Stills(ImageFiles((tmp_path / "1.jpg",), "1.jpg")))

    assert frames == []
    assert isinstance(end, BadImage)
    assert "1.jpg: not an image" in str(end)


def test_an_unreadable_image_among_others_is_skipped_and_told_at_the_end(tmp_path):
    images = write_images(tmp_path, 1, 2, 3)
    (tmp_path / "2.png").write_bytes(b"")
    events = []

    frames, end = read_all(Stills(images, events.append))

    assert [read_number(frame.pixels) for frame in frames] == [1, 3]
    assert [frame.sequence for frame in frames] == [1, 2]
    assert [event.kind for event in events] == ["skipped"]
    assert "2.png: not an image" in events[0].text
    assert isinstance(end, BadImage)
    assert "1 of 3 images could not be read: " in str(end)


def test_who_reads_may_stop_after_each_image_that_cannot_be_read(tmp_path):
    """To decode one may have taken as long as it may."""
    images = write_images(tmp_path, 1, 2, 3)
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(b"")

    with Stills(images) as source:
        assert [source.read(0) for _ in range(2)] == [None, None]
        assert source.read(0) is not None


def test_an_image_removed_meanwhile_is_missing(tmp_path):
    images = write_images(tmp_path, 1)
    images.paths[0].unlink()

    _, end = read_all(Stills(images))

    assert isinstance(end, MissingInput)


def test_a_damaged_jpeg_is_found_when_it_is_read(tmp_path):
    (tmp_path / "1.jpg").write_bytes(damaged(encoded(scene(320, 240))))
    images = ImageFiles((tmp_path / "1.jpg",), "1.jpg")

    frames, end = read_all(Stills(images, rule=ImageRule(32, 32, decode="reduced")))

    assert frames == []
    assert "1.jpg: the JPEG is damaged" in str(end)
