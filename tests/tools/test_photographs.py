import io
import struct
import tarfile
from pathlib import Path

import pytest

from tools.photographs import LABELLED, _files_of_package, _files_of_resources, extract

LABELS = (
    (Path(__file__).parents[2] / "tools" / "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
)


def package(name: str, content: bytes) -> bytes:
    """A .deb that installs one file."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    parts = {"debian-binary": b"2.0\n", "data.tar.xz": data.getvalue()}
    entries = [
        f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(bytes_):<10}`\n".encode()
        + bytes_
        + b"\n" * (len(bytes_) % 2)
        for part, bytes_ in parts.items()
    ]
    return b"!<arch>\n" + b"".join(entries)


def resources(folder: str, name: str, content: bytes) -> bytes:
    """A .rcc of format 1 with one file in one folder."""
    names, places = b"", []
    for one in (folder, name):
        places.append(len(names))
        names += struct.pack(">HI", len(one), 0) + one.encode("utf-16-be")
    tree = struct.pack(">IHII", 0, 2, 1, 1) + struct.pack(">IHII", places[0], 2, 1, 2)
    tree += struct.pack(">IHHHI", places[1], 0, 0, 0, 0)
    data = struct.pack(">I", len(content)) + content
    starts = 20, 20 + len(tree), 20 + len(tree) + len(data)
    return b"qres" + struct.pack(">4I", 1, *starts) + tree + data + names


def test_the_files_of_a_package_and_of_qts_resources_are_found():
    made = package("./usr/share/erase.rcc", resources("erase", "crab.webp", b"RIFF"))
    ((path, inside),) = _files_of_package(made)
    assert path == "./usr/share/erase.rcc"
    assert list(_files_of_resources(inside)) == [("/erase/crab.webp", b"RIFF")]


def test_a_package_that_nobody_looked_at_is_refused(tmp_path: Path):
    (tmp_path / "other.deb").write_bytes(package("./a", b"b"))
    with pytest.raises(SystemExit, match=r"other\.deb: SHA-256 .*; not one of gcompris-qt-data 3\.1-2, "):
        extract(tmp_path / "other.deb")


def test_photographs_are_labelled_with_labels_of_the_model():
    assert len(set(LABELS)) == len(LABELS) == 1000
    assert set(LABELLED.values()) <= set(LABELS)
    assert len(LABELLED) == 56
