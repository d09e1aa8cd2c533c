import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from edgecls.data.archives import limits
from edgecls.data.archives.open import open_archive
from edgecls.data.load import load_dataset
from edgecls.edge_runtime.errors import BadData, OutputFailed
from edgecls.edge_runtime.images.rule import ImageRule

RULE = ImageRule(16, 16)


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size_bytes: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size_bytes
    return made


@pytest.fixture
def tar_of(cats_and_dogs: Path, tmp_path: Path) -> Callable[..., Path]:
    """Packs the two classes and more into a tar."""

    def pack(*more: tarfile.TarInfo, suffix: str = ".tgz", form: int = tarfile.PAX_FORMAT) -> Path:
        path = tmp_path / f"pets{suffix}"
        mode = {".tar": "w", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}.get(suffix, "w:gz")
        with tarfile.open(path, mode, format=form) as tar:  # type: ignore[call-overload]
            tar.add(cats_and_dogs, "pets")
            for made in more:
                tar.addfile(made, io.BytesIO(bytes(made.size)))
        return path

    return pack


@pytest.mark.parametrize("suffix", [".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".photos"])
def test_a_tar_gives_what_its_folder_gives(tar_of, cats_and_dogs, suffix):
    packed, folder = (load_dataset(str(path), RULE, 0) for path in (tar_of(suffix=suffix), cats_and_dogs))
    assert packed.labels == ("cat", "dog")
    assert packed.sha256 == folder.sha256
    assert packed.name == "pets"


def test_a_tar_with_a_zip_at_its_end_is_a_tar(tar_of):
    path = tar_of(suffix=".tar")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for name in ("a/1.png", "b/1.png"):
            archive.writestr(name, b"x")
    made = entry("pets/old.zip", size_bytes=len(inner.getvalue()))
    with tarfile.open(path, "a") as tar:
        tar.addfile(made, io.BytesIO(inner.getvalue()))
    assert zipfile.is_zipfile(path)
    assert load_dataset(str(path), RULE, 0).labels == ("cat", "dog")


def test_nothing_is_left_of_the_unpacked_tar(tar_of, tmp_path, monkeypatch):
    path = tar_of()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    load_dataset(str(path), RULE, 0)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (entry("../evil.png"), "leads out of the tar"),
        (entry("/etc/evil.png"), "leads out of the tar"),
        (entry("pets/cat/x", tarfile.SYMTYPE, "/etc/passwd"), "the link 'pets/cat/x' leads out"),
        (entry("pets/cat/x", tarfile.SYMTYPE, "../../../etc/passwd"), "the link 'pets/cat/x' leads out"),
        (entry("pets/cat/x", tarfile.LNKTYPE, "../passwd"), "the link 'pets/cat/x' leads out"),
        (entry("pets/cat/x", tarfile.CHRTYPE), "is a device"),
        (entry("pets/cat/x", tarfile.FIFOTYPE), "is a device"),
        (entry("pets/owl", tarfile.SYMTYPE, "cat"), "'pets/owl' is a link to a folder; unpack the tar"),
    ],
)
def test_what_leads_out_or_is_no_file_is_refused(tar_of, made, reason):
    with pytest.raises(BadData, match=reason):
        load_dataset(str(tar_of(made)), RULE, 0)


def test_links_to_files_inside_are_followed(tar_of):
    links = (
        entry("pets/cat/hard.png", tarfile.LNKTYPE, "pets/cat/000.png"),
        entry("pets/dog/soft.png", tarfile.SYMTYPE, "../dog/../dog/000.png"),
        entry("pets/dog/chain.png", tarfile.SYMTYPE, "soft.png"),
        entry("pets/dog/circle.png", tarfile.SYMTYPE, "circle.png"),
    )
    with open_archive(tar_of(*links)) as store:
        assert len(store.files) == 15
        original = store.read(PurePosixPath("pets/dog/000.png"))
        assert store.read(PurePosixPath("pets/dog/chain.png")) == original


def test_a_bomb_is_refused_while_it_is_unpacked(tar_of, monkeypatch):
    monkeypatch.setattr(limits, "MIN_SUSPECT_BYTES", 100_000)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    with pytest.raises(BadData, match=r"unpack to .* GB, like a tar bomb"):
        load_dataset(str(tar_of(entry("pets/cat/x.png", size_bytes=3_000_000))), RULE, 0)


def test_a_file_larger_than_any_image_is_refused(tar_of, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(BadData, match=r"refused: 'pets/cat/x.png' unpacks to"):
        load_dataset(str(tar_of(entry("pets/cat/x.png", size_bytes=100_001))), RULE, 0)


def test_a_huge_header_is_refused(tar_of):
    made = entry("pets/cat/x.png")
    made.pax_headers = {"comment": "x" * 2_000_000}
    with pytest.raises(BadData, match=r"refused: a header of"):
        load_dataset(str(tar_of(made)), RULE, 0)


@pytest.mark.parametrize("suffix", [".tar", ".tgz", ".tar.bz2", ".tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_a_cut_tar_is_an_error_and_not_a_smaller_data_set(tar_of, suffix, share):
    path = tar_of(suffix=suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share) // 512 * 512])  # between two files, at worst
    with pytest.raises(BadData, match=r"not a whole tar|no class folders"):
        load_dataset(str(path), RULE, 0)


def test_random_bytes_never_crash_it(tar_of):
    for suffix in (".tar", ".tgz"):
        path = tar_of(suffix=suffix)
        content = path.read_bytes()
        random = np.random.default_rng(0)
        for _ in range(20):
            changed = bytearray(content)
            for at in random.integers(0, len(content), 3):
                changed[at] = random.integers(0, 256)
            path.write_bytes(changed)
            with suppress(BadData):
                load_dataset(str(path), RULE, 0)


def test_names_that_are_no_text_stay_apart(tar_of):
    more = (entry(f"pets/\udcff{last}/1.png") for last in ("\udcfe", "\udcfd"))
    with open_archive(tar_of(*more, form=tarfile.GNU_FORMAT)) as store:
        assert len({path.parent for path in store.files}) == 4


def test_a_full_disk_is_named(tar_of, tmp_path, monkeypatch):
    path = tar_of()
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: open("/dev/full", "wb", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(
        OutputFailed, match=r"pets.tgz: no room to unpack it: no space left on device; set TMPDIR"
    ):
        load_dataset(str(path), RULE, 0)


def test_no_folder_for_temporary_files_is_named(tar_of, monkeypatch):
    path = tar_of()

    def fail() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    with pytest.raises(OutputFailed, match=r"no room to unpack it: no such file or directory; set TMPDIR"):
        load_dataset(str(path), RULE, 0)


def test_a_negative_size_is_not_read_for_ever(tar_of):
    """CVE-2025-8194: tarfile went back by it, and found the same header again."""
    path = tar_of(suffix=".tar")
    made = entry("pets/cat/x.png")
    made.pax_headers = {"size": "-1024"}
    with tarfile.open(path, "a") as tar:
        tar.addfile(made)
    with pytest.raises(BadData, match="not a whole tar"):
        load_dataset(str(path), RULE, 0)


def test_a_python_without_lzma_says_so(tar_of, monkeypatch):
    path = tar_of(suffix=".tar.xz")
    monkeypatch.setitem(sys.modules, "lzma", None)
    monkeypatch.setitem(sys.modules, "_lzma", None)
    with pytest.raises(
        BadData, match=r"this Python cannot unpack it \(.*lzma.*\); unpack it, and give the folder"
    ):
        load_dataset(str(path), RULE, 0)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which edgecls cannot read; unpack it with `7z x`"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"\x1f\x8b\x08", "a gzip file without a tar in it"),
    ],
)
def test_other_archives_are_named_with_their_cure(tmp_path, start, what):
    for name in ("pets.bin", "pets.zip"):
        (tmp_path / name).write_bytes(start + bytes(100))
        with pytest.raises(BadData, match=rf"{name}: {what}"):
            load_dataset(str(tmp_path / name), RULE, 0)
