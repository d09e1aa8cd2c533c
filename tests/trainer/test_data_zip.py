import re
import stat
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.image import ImageRule
from edgecls.trainer import data_zip
from edgecls.trainer.data import load_dataset
from edgecls.trainer.data_folders import open_folder
from edgecls.trainer.data_pictures import read_pictures
from edgecls.trainer.data_zip import open_zip
from edgecls.trainer.split import Parts

RULE = ImageRule(16, 16)


@pytest.fixture
def pets_zip(cats_and_dogs, tmp_path):
    """The two classes, zipped with a folder around them."""
    path = tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(cats_and_dogs.rglob("*.png")):
            archive.write(file, f"pets/{file.relative_to(cats_and_dogs)}")
    return path


def read(path) -> Parts:
    with open_zip(path) as store:
        return read_pictures(store, RULE, lambda *_: None)


def add(path, name: str, content: bytes = b"x", mode: int = 0o644) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content)


def test_a_zip_gives_what_its_folder_gives(pets_zip, cats_and_dogs):
    zipped, folder = read(pets_zip), read_pictures(open_folder(cats_and_dogs), RULE, lambda *_: None)
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
        read(pets_zip)
    assert not list(tmp_path.parent.glob("evil.png"))


def test_a_symbolic_link_is_refused(pets_zip):
    add(pets_zip, "pets/cat/link.png", b"/etc/passwd", stat.S_IFLNK | 0o777)
    with pytest.raises(BadData, match=r"refused: .*link.png' is a symbolic link"):
        read(pets_zip)


def test_backslashes_of_windows_tools_are_separators(pets_zip, cats_and_dogs):
    with zipfile.ZipFile(pets_zip, "w") as archive:
        for file in cats_and_dogs.rglob("*.png"):
            archive.writestr(str(file.relative_to(cats_and_dogs)).replace("/", "\\"), file.read_bytes())
    assert read(pets_zip).labels == ("cat", "dog")


def test_a_file_that_unpacks_too_large_is_refused_before_it_is_read(pets_zip, monkeypatch):
    monkeypatch.setattr(data_zip, "MAX_FILE_BYTES", 100_000)
    with zipfile.ZipFile(pets_zip, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pets/cat/bomb.png", bytes(100_001))
    with pytest.raises(BadData, match=r"refused: 'pets/cat/bomb.png' unpacks to"):
        read(pets_zip)


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
        read(path)


def test_a_damaged_entry_is_skipped_and_named(pets_zip):
    content = bytearray(pets_zip.read_bytes())
    with zipfile.ZipFile(pets_zip) as archive:
        entry = archive.getinfo("pets/dog/003.png")
    content[entry.header_offset + 200] ^= 0xFF
    pets_zip.write_bytes(content)
    parts = read(pets_zip)
    assert parts.skipped == ("pets/dog/003.png: damaged in the zip",)
    assert len(parts.train) == 11


def test_an_encrypted_entry_is_skipped_and_named(pets_zip):
    content = bytearray(pets_zip.read_bytes())
    with zipfile.ZipFile(pets_zip) as archive:
        at = content.index(b"PK\x01\x02", archive.start_dir)
    content[at + 8] |= 1  # the flag in the directory
    content[6] |= 1  # and in the first file's own header
    pets_zip.write_bytes(content)
    assert read(pets_zip).skipped == ("pets/cat/000.png: encrypted",)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_zip_is_an_error_and_not_a_smaller_data_set(pets_zip, share):
    content = pets_zip.read_bytes()
    pets_zip.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadData, match=r"pets.zip: not a whole zip"):
        read(pets_zip)


def test_random_bytes_never_crash_it(pets_zip):
    content = pets_zip.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        changed = bytearray(content)
        for at in random.integers(0, len(content), 3):
            changed[at] = random.integers(0, 256)
        pets_zip.write_bytes(changed)
        with suppress(BadData):
            assert len(read(pets_zip).train) > 0
