import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.archives import limits
from edgecls.data.archives.zip_file import open_zip
from edgecls.data.folders.name_encodings import NameHints
from edgecls.data.load import load_dataset
from edgecls.data.pictures import read_pictures
from edgecls.data.split import Parts
from edgecls.data.store import open_folder
from edgecls.edge_runtime.errors import BadData, UsageError
from edgecls.edge_runtime.images.rule import ImageRule

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
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 100_000)
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


# What cannot be unpacked


def set_in_directory(path: Path, at: int, value: int, *, only_first: bool = False) -> None:
    """Changes 16 bits of the entries in a zip's directory: 8 flags, 10 method."""
    content = bytearray(path.read_bytes())
    for match in list(re.finditer(b"PK\x01\x02", content))[: 1 if only_first else None]:
        struct.pack_into("<H", content, match.start() + at, value)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (8, 1, r"the zip is encrypted; unpack it with its password, and give the folder"),
        (10, 9, r"packed with Deflate64, as Windows .*; unpack it with 7-Zip, and give the folder"),
        (10, 95, r"packed with XZ; unpack"),
        (10, 98, r"packed with PPMd; unpack"),
        (10, 77, r"packed with method 77; unpack"),
    ],
)
def test_a_zip_of_which_nothing_can_be_read_is_refused_with_its_cure(pets_zip, at, value, reason):
    set_in_directory(pets_zip, at, value)
    with pytest.raises(BadData, match=rf"pets.zip: .*{reason}"):
        load_dataset(str(pets_zip), RULE, 0)


def test_one_file_that_cannot_be_unpacked_is_said_with_its_cure(pets_zip):
    set_in_directory(pets_zip, 10, 9, only_first=True)
    parts = read_of_data_zip(pets_zip)
    assert parts.notes[0].startswith("warning: 1 of 12 files in the zip are packed with Deflate64")
    assert parts.skipped[0].startswith("pets/cat/000.png: packed with Deflate64")


def test_lzma_and_bzip2_are_read(pets_zip, cats_and_dogs):
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(pets_zip, "w", method) as archive:
            for file in sorted(cats_and_dogs.rglob("*.png")):
                archive.write(file, file.relative_to(cats_and_dogs))
        assert len(read_of_data_zip(pets_zip).train) == 12


@pytest.mark.parametrize("name", ["pets.z01", "pets.zip.001"])
def test_a_piece_of_a_split_zip_is_named(pets_zip, name):
    content = pets_zip.read_bytes()
    pets_zip.with_name(name).write_bytes(b"PK\x07\x08" + content[: len(content) // 2])
    with pytest.raises(BadData, match=rf"{name}: one piece of a split archive; join the pieces"):
        load_dataset(str(pets_zip.with_name(name)), RULE, 0)


def test_the_last_piece_of_a_split_zip_is_named(pets_zip):
    content = pets_zip.read_bytes()
    pets_zip.with_suffix(".z01").write_bytes(content[:1000])
    pets_zip.write_bytes(content[1000:-10])
    with pytest.raises(
        BadData, match=r"pets.zip: one of several pieces of a split zip; join them .*zip -s 0"
    ):
        load_dataset(str(pets_zip), RULE, 0)


# Names without the flag for UTF-8


def zip_of(path: Path, names: Mapping[bytes, bytes], extra: Mapping[bytes, bytes] = {}) -> Path:
    """A zip with names in any bytes, as tools write them that do not set the flag."""
    files, directory = b"", b""
    for name, content in names.items():
        more = extra.get(name, b"")
        head = struct.pack(
            "<HHHHHLLLHH",
            20,
            0,
            0,
            0,
            33,
            zlib.crc32(content),
            len(content),
            len(content),
            len(name),
            len(more),
        )
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHLL", 0, 0, 0, 0, len(files))
        )
        directory += name + more
        files += b"PK\x03\x04" + head + name + more + content
    end = struct.pack("<HHHHLLH", 0, 0, len(names), len(names), len(directory), len(files), 0)
    path.write_bytes(files + directory + b"PK\x05\x06" + end)
    return path


def labels_of(path: Path, encoding: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    with open_zip(path, NameHints(encoding)) as store:
        parts = read_pictures(store, RULE, lambda *_: None)
    return parts.labels, parts.notes


@pytest.fixture
def named(cats_and_dogs, tmp_path):
    """Makes a zip of the two classes under other names, in an encoding."""

    def make(cat: str, dog: str, encoding: str) -> Path:
        names = {
            f"{new}/{file.name}".encode(encoding): file.read_bytes()
            for new, old in ((cat, "cat"), (dog, "dog"))
            for file in sorted((cats_and_dogs / old).iterdir())
        }
        return zip_of(tmp_path / "named.zip", names)

    return make


def test_utf_8_without_the_flag_is_read_as_macos_means_it(named):
    assert labels_of(named("cafe\u0301", "Mu\u0308sli", "utf-8")) == (("Müsli", "café"), ())


@pytest.mark.parametrize(
    ("cat", "dog", "encoding"),
    [("Müsli", "Äpfel", "cp437"), ("кот", "рыба", "cp866"), ("Café", "Müsli", "cp1252")],
)
def test_an_encoding_that_is_certain_is_read_and_said(named, cat, dog, encoding):
    labels, notes = labels_of(named(cat, dog, encoding))
    assert labels == tuple(sorted((cat, dog)))
    assert notes == (f"names in the zip: read as {encoding}; if they look wrong, give --zip-encoding",)


@pytest.mark.parametrize(
    ("cat", "dog", "encoding"),
    [
        ("猫", "狗", "gbk"),
        ("ねこ", "いぬ", "cp932"),
        ("表", "犬", "cp932"),
        ("кот", "рыба", "cp1251"),
        ("개", "새", "cp949"),
    ],
)
def test_an_encoding_that_is_not_is_asked_about(named, cat, dog, encoding):
    path = named(cat, dog, encoding)
    with pytest.raises(
        BadData, match=r"the names of its folders are in an unknown encoding: .*--zip-encoding"
    ):
        labels_of(path)
    assert labels_of(path, encoding) == (tuple(sorted((cat, dog))), ())


def test_a_wrong_encoding_is_refused(named):
    path = named("猫", "狗", "gbk")
    with pytest.raises(UsageError, match="its names are not in ascii"):
        labels_of(path, "ascii")
    for name in ("klingon", "rot13", "base64"):
        with pytest.raises(UsageError, match=rf"--zip-encoding: no encoding '{name}'"):
            load_dataset(str(path), RULE, 0, zip_encoding=name)


def test_the_extra_field_with_the_name_in_utf_8_is_used(cats_and_dogs, tmp_path):
    names, extra = {}, {}
    for file in cats_and_dogs.rglob("*.png"):
        raw = f"{'猫' if file.parent.name == 'cat' else '狗'}/{file.name}".encode("gbk")
        content = struct.pack("<BL", 1, zlib.crc32(raw)) + raw.decode("gbk").encode()
        names[raw], extra[raw] = file.read_bytes(), struct.pack("<HH", 0x7075, len(content)) + content
    assert labels_of(zip_of(tmp_path / "a.zip", names, extra))[0] == ("狗", "猫")
    wrong = {raw: content[:5] + b"\0\0\0\0" + content[9:] for raw, content in extra.items()}
    with pytest.raises(BadData, match="unknown encoding"):  # the field is of another name
        labels_of(zip_of(tmp_path / "b.zip", names, wrong))


def test_names_of_files_alone_are_not_asked_about(cats_and_dogs, tmp_path):
    names = {
        f"{file.parent.name}/猫{file.name}".encode("gbk"): file.read_bytes()
        for file in cats_and_dogs.rglob("*.png")
    }
    assert labels_of(zip_of(tmp_path / "a.zip", names)) == (("cat", "dog"), ())


def test_a_model_s_labels_tell_how_to_read_the_zip_that_it_was_trained_on(named):
    path = named("猫", "狗", "gbk")
    trained = load_dataset(str(path), RULE, 0, zip_encoding="gbk")
    again = load_dataset(str(path), RULE, 0, labels=trained.labels)
    assert again.labels == ("狗", "猫")
    assert again.sha256 == trained.sha256
