import os
import re
import stat
import zipfile
from contextlib import suppress
from pathlib import PurePosixPath
from threading import Timer

import numpy as np
import pytest
from PIL import Image

from edgecls.data import store as store_module
from edgecls.data.load import load_dataset
from edgecls.data.pictures import read_pictures
from edgecls.data.split import Parts
from edgecls.data.store import open_folder, open_zip
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.decode import read_image
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from tests.edge_runtime.images.pictures import damaged, encoded, scene

RULE = ImageRule(16, 16)


@pytest.fixture
def pets_zip(cats_and_dogs, tmp_path):
    """The two classes, zipped with a folder around them."""
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(cats_and_dogs.rglob("*.png")):
            archive.write(file, f"pets/{file.relative_to(cats_and_dogs)}")
    return path


def read_of_data_zip(path) -> Parts:
    with open_zip(path) as store:
        return read_pictures(store, RULE, lambda *_: None)


def add(path, name: str, content: bytes = b"x", mode: int = 0o644) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content)


def test_a_zip_gives_what_its_folder_gives(pets_zip, cats_and_dogs):
    zipped, folder = (
        read_of_data_zip(pets_zip),
        read_pictures(open_folder(cats_and_dogs), RULE, lambda *_: None),
    )
    assert zipped.labels == folder.labels == ("cat", "dog")
    assert (zipped.train.images == folder.train.images).all()


def test_nothing_is_unpacked_to_the_disk(pets_zip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    load_dataset(str(pets_zip), RULE, 0)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "pets/cat/../../../evil.png",
        "/etc/evil.png",
        "C:/evil.png",
        "..\\evil.png",
        "C:\\e.png",
    ],
)
def test_a_name_that_leads_out_is_refused(pets_zip, tmp_path, name):
    add(pets_zip, name)
    with pytest.raises(BadData, match=r"refused: the name .* leads out of the zip"):
        read_of_data_zip(pets_zip)
    assert not list(tmp_path.parent.glob("evil.png"))


def test_a_symbolic_link_is_refused(pets_zip):
    add(pets_zip, "pets/cat/link.png", b"/etc/passwd", stat.S_IFLNK | 0o777)
    with pytest.raises(BadData, match=r"refused: .*link.png' is a symbolic link"):
        read_of_data_zip(pets_zip)


def test_backslashes_of_windows_tools_are_separators(pets_zip, cats_and_dogs):
    with zipfile.ZipFile(pets_zip, "w") as archive:
        for file in cats_and_dogs.rglob("*.png"):
            archive.writestr(str(file.relative_to(cats_and_dogs)).replace("/", "\\"), file.read_bytes())
    assert read_of_data_zip(pets_zip).labels == ("cat", "dog")


def test_a_file_that_unpacks_too_large_is_refused_before_it_is_read(pets_zip, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_FILE_BYTES", 100_000)
    with zipfile.ZipFile(pets_zip, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pets/cat/bomb.png", bytes(100_001))
    with pytest.raises(BadData, match=r"refused: 'pets/cat/bomb.png' unpacks to"):
        read_of_data_zip(pets_zip)


def test_a_bomb_of_many_files_is_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(11):
            archive.writestr(f"cat/{number}.png", bytes(1_000_000))
    content = bytearray(path.read_bytes())
    for match in re.finditer(b"PK\x01\x02", content):  # the directory says 100 MB each, as a real bomb's does
        content[match.start() + 24 : match.start() + 28] = (100_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"refused: its 0\.0 MB unpack to 1\.1 GB, like a zip bomb"):
        read_of_data_zip(path)


def test_a_damaged_entry_is_skipped_and_named(pets_zip):
    content = bytearray(pets_zip.read_bytes())
    with zipfile.ZipFile(pets_zip) as archive:
        entry = archive.getinfo("pets/dog/003.png")
    content[entry.header_offset + 200] ^= 0xFF
    pets_zip.write_bytes(content)
    parts = read_of_data_zip(pets_zip)
    assert parts.skipped == ("pets/dog/003.png: damaged in the zip",)
    assert len(parts.train) == 11


def test_an_encrypted_entry_is_skipped_and_named(pets_zip):
    content = bytearray(pets_zip.read_bytes())
    with zipfile.ZipFile(pets_zip) as archive:
        at = content.index(b"PK\x01\x02", archive.start_dir)
    content[at + 8] |= 1  # the flag in the directory
    content[6] |= 1  # and in the first file's own header
    pets_zip.write_bytes(content)
    assert read_of_data_zip(pets_zip).skipped == ("pets/cat/000.png: encrypted",)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_zip_is_an_error_and_not_a_smaller_data_set(pets_zip, share):
    content = pets_zip.read_bytes()
    pets_zip.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadData, match=r"pets.zip: not a whole zip"):
        read_of_data_zip(pets_zip)


def test_random_bytes_never_crash_it(pets_zip):
    content = pets_zip.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(content)
        for at in random.integers(0, len(content), 3):
            changed[at] = random.integers(0, 256)
        pets_zip.write_bytes(changed)
        with suppress(BadData):
            assert len(read_of_data_zip(pets_zip).train) > 0


def test_all_below_is_listed(cats_and_dogs):
    store = open_folder(cats_and_dogs)
    assert len(store.files) == 12
    assert set(map(str, store.folders)) == {".", "cat", "dog"}
    assert store.read(PurePosixPath("cat/000.png")) == (cats_and_dogs / "cat" / "000.png").read_bytes()


def test_linked_folders_are_followed_but_never_in_a_circle(cats_and_dogs, tmp_path, write_images):
    write_images(tmp_path / "elsewhere", 3)
    (cats_and_dogs / "owl").symlink_to(tmp_path / "elsewhere")
    (cats_and_dogs / "cat" / "up").symlink_to(cats_and_dogs)
    files = set(map(str, open_folder(cats_and_dogs).files))
    assert "owl/000.png" in files
    assert len(files) == 15


def test_a_pipe_is_not_waited_for(cats_and_dogs):
    pipe = cats_and_dogs / "cat" / "pipe"
    os.mkfifo(pipe)
    ends = Timer(5, lambda: os.close(os.open(pipe, os.O_RDWR)))  # so that this test fails and does not hang
    ends.start()
    with pytest.raises(BadData, match=r"cat/pipe: not a file"):
        open_folder(cats_and_dogs).read(PurePosixPath("cat/pipe"))
    ends.cancel()


def test_names_in_any_script_and_undecodable_ones_can_be_read(tmp_path):
    folder = os.fsencode(tmp_path) + "/пёс 犬".encode()
    os.mkdir(folder)  # noqa: PTH102 - pathlib does not take bytes
    with open(folder + b"/\xff.bin", "wb") as file:  # noqa: PTH123
        file.write(b"content")
    store = open_folder(tmp_path)
    (path,) = store.files
    assert path.parts[0] == "пёс 犬"
    assert store.read(path) == b"content"


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
    ],
)
def test_an_unreadable_file_is_skipped_and_named_with_its_reason(cats_and_dogs, content, reason):
    (cats_and_dogs / "dog" / "x.jpg").write_bytes(content)
    parts = read(cats_and_dogs)
    assert parts.skipped == (f"dog/x.jpg: {reason}",)
    assert parts.train.truth.tolist() == [0, 1] * 6


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
