import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgecls.data.pictures import read_pictures, read_unlabelled
from edgecls.data.split import Parts
from edgecls.data.store import open_folder
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.address import ImageFiles
from edgecls.edge_runtime.camera.sources.source import Stills
from edgecls.edge_runtime.camera.view import network_input
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.decode import read_image
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from tests.edge_runtime.images.pictures import HEIC, damaged, encoded, scene, with_exif

RULE = ImageRule(16, 16)


def read(folder, watch=lambda *_: None) -> Parts:
    return read_pictures(open_folder(folder), RULE, watch)


def test_images_go_through_the_one_way_of_preparing(cats_and_dogs):
    parts = read(cats_and_dogs)
    first = prepare(read_image(cats_and_dogs / "cat" / "000.png"), RULE)
    assert parts.train.images.dtype == np.uint8
    assert parts.train.images.shape == (12, 16, 16, 3)
    assert (parts.train.images[0] == first).all()
    assert parts.train.truth.tolist() == [0, 1] * 6
    assert parts.skipped == ()


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("size", [(640, 480), (333, 257), (40, 30)])
def test_a_jpeg_gives_the_same_bytes_in_training_and_on_the_device(tmp_path, orientation, size):
    for label, seed in {"cat": 1, "dog": 2}.items():
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.jpg").write_bytes(with_exif(scene(*size, seed=seed), orientation))
    rule = ImageRule(24, 32, transparent="white", bits=BITS_OF_DATA, decode="reduced")
    files = [tmp_path / label / "1.jpg" for label in ("cat", "dog")]
    trained = read_pictures(open_folder(tmp_path), rule, lambda *_: None).train.images
    card = replace(rule, bits=16)
    of_camera = [network_input(Frame(file.read_bytes(), 1, 0.0), card) for file in files]
    with Stills(ImageFiles(tuple(files), ""), rule=card) as stills:
        frames = [*stills]
    assert np.array_equal(trained, of_camera)
    assert np.array_equal(trained, [network_input(frame, card) for frame in frames])
    assert np.array_equal(frames[0].pixels, read_image(files[0]))  # what is shown is the whole picture
    before = read_pictures(open_folder(tmp_path), replace(card, decode="whole"), lambda *_: None)
    assert np.array_equal(before.train.images, [prepare(read_image(file), card) for file in files])
    assert size != (640, 480) or not np.array_equal(trained, before.train.images)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16", "1", "P"])
def test_grey_transparent_16_bit_and_print_images_are_used(cats_and_dogs, mode):
    red = Image.new("RGB", (40, 30), (200, 30, 30))
    grey = Image.fromarray(np.full((30, 40), 40_000, np.uint16))
    image = grey if mode == "I;16" else red.convert(mode)
    image.save(cats_and_dogs / "cat" / ("odd.jpg" if mode == "CMYK" else "odd.png"))
    parts = read(cats_and_dogs)
    assert parts.skipped == ()
    assert len(parts.train) == 13
    if mode in ("RGBA", "CMYK"):
        odd = parts.train.images[12].mean(axis=(0, 1))
        assert np.abs(odd - (200, 30, 30)).max() < 12


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an image"),
        (b"hello, I am a text", "not an image"),
        (bytes(range(256)) * 8, "not an image"),
        (b"\xff\xd8\xff\xe0" + bytes(300), "the JPEG is truncated"),
        (damaged(encoded(scene(320, 240))), "the JPEG is damaged"),
        (HEIC, "HEIC is not supported"),
        (encoded(scene(64, 48)) * 3, "several JPEGs in a row, a video (Motion JPEG)"),
    ],
)
def test_an_unreadable_file_is_skipped_and_named_with_its_reason(cats_and_dogs, content, reason):
    (cats_and_dogs / "dog" / "x.jpg").write_bytes(content)
    parts = read(cats_and_dogs)
    assert parts.skipped == (f"dog/x.jpg: {reason}",)
    assert parts.train.truth.tolist() == [0, 1] * 6


def test_black_icons_on_a_transparent_ground_are_seen(tmp_path):
    for label, (top, left) in {"left": (0, 0), "right": (0, 8)}.items():
        icon = np.zeros((16, 16, 4), np.uint8)
        icon[top : top + 16, left : left + 8, 3] = 255
        (tmp_path / label).mkdir()
        cv2.imwrite(str(tmp_path / label / "1.png"), icon)
    rule = ImageRule(16, 16, transparent="white", bits=BITS_OF_DATA)
    left, right = read_pictures(open_folder(tmp_path), rule, lambda *_: None).train.images
    assert left[8, :, 0].tolist() == [0] * 8 + [255] * 8
    assert right[8, :, 0].tolist() == [255] * 8 + [0] * 8
    assert not read(tmp_path).train.images.any()  # by a card from before


@pytest.mark.parametrize(("brightest", "bits", "seen"), [(4000, 12, 250), (900, 10, 225), (60_000, 16, 234)])
def test_what_16_bit_pictures_use_becomes_white_for_all_of_them(cats_and_dogs, brightest, bits, seen):
    for label, value in {"cat": brightest, "dog": brightest // 2}.items():
        cv2.imwrite(str(cats_and_dogs / label / "deep.png"), np.full((16, 16), value, np.uint16))
    (cats_and_dogs / "dog" / "broken.png").write_bytes((cats_and_dogs / "dog" / "deep.png").read_bytes()[:60])
    rule = ImageRule(16, 16, bits=BITS_OF_DATA)
    parts = read_pictures(open_folder(cats_and_dogs), rule, lambda *_: None)
    assert parts.bits == bits
    means = parts.train.images.mean(axis=(1, 2, 3))
    assert seen in means
    assert seen // 2 in means
    assert len(parts.train) == 14
    assert [line.partition(":")[0] for line in parts.skipped] == ["dog/broken.png"]
    said = f"2 16-bit pictures use {bits} bits: {2**bits - 1:,} is white, here and on the device"
    assert parts.notes == (() if bits == 16 else (said,))
    again = read_pictures(open_folder(cats_and_dogs), ImageRule(16, 16, bits=bits), lambda *_: None)
    assert np.array_equal(np.sort(again.train.images, axis=0), np.sort(parts.train.images, axis=0))


def test_a_picture_of_900_megapixels_is_skipped_unread(cats_and_dogs):
    header = cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes()
    size = (30_000).to_bytes(4, "big")
    (cats_and_dogs / "dog" / "x.png").write_bytes(header[:16] + size + size + header[24:])
    assert read(cats_and_dogs).skipped == ("dog/x.png: 900 megapixels",)


def test_a_file_outside_of_the_classes_is_named(cats_and_dogs):
    (cats_and_dogs / "readme.txt").write_text("hello")
    assert read(cats_and_dogs).skipped == ("readme.txt: not in a class folder",)


def test_parts_are_read_apart(tmp_path, write_images):
    for part, count in {"train": 4, "val": 2, "test": 3}.items():
        for label in ("cat", "dog"):
            write_images(tmp_path / part / label, count, first=len(part) * 10)
    parts = read(tmp_path)
    assert parts.val is not None
    assert parts.test is not None
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [8, 4, 6]


def test_where_nothing_is_left_the_first_reason_is_given(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.jpg").write_text("no image")
    with pytest.raises(BadData, match=r"none of its 2 files is a usable image: cat/x.jpg: not an image; put"):
        read(tmp_path)


def test_a_class_of_which_nothing_is_left_is_named(cats_and_dogs):
    (cats_and_dogs / "owl").mkdir()
    with pytest.raises(BadData, match=r"no usable image of owl; add some, or remove the folder"):
        read(cats_and_dogs)


def test_reading_is_watched_to_its_end(cats_and_dogs):
    seen = []
    read(cats_and_dogs, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 12) for done in range(1, 13)]


def test_pictures_without_classes_may_be_packed(cats_and_dogs, tmp_path):
    folder = read_unlabelled(cats_and_dogs, RULE)
    packed = tmp_path / "pets.tgz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(cats_and_dogs, "pets")
    zipped = tmp_path / "pets.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in cats_and_dogs.rglob("*.png"):
            archive.write(file, file.relative_to(cats_and_dogs))
        archive.writestr("__MACOSX/cat/._1.png", b"x")
    for path in (packed, zipped):
        assert (read_unlabelled(path, RULE).images == folder.images).all()
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadData, match=r"notes\.txt: not a folder, a zip or a tar; name a folder of pictures"):
        read_unlabelled(tmp_path / "notes.txt", RULE)
