"""Pictures are decoded once, by whatever command, and never taken from a cache that is not right."""

import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.data import pictures as pictures_module
from edgecls.data.load import load_dataset
from edgecls.data.pictures import read_pictures, read_unlabelled
from edgecls.data.prepared import cache as cache_module
from edgecls.data.prepared import folder as folder_module
from edgecls.data.prepared.folder import (
    DEFAULT_LIMIT_BYTES,
    cache_use,
    clear_cache,
    parse_size,
    set_cache_limit,
)
from edgecls.data.prepared.images import MappedImages
from edgecls.data.split import Parts
from edgecls.data.store import open_folder
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from edgecls.edge_runtime.user_folders import cache_folder
from tests.edge_runtime.images.pictures import damaged, encoded, scene

RULE = ImageRule(16, 16, transparent="white", bits=BITS_OF_DATA, decode="reduced")
PICTURE_BYTES = 16 * 16 * 3


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, as they are."""
    names: list[str] = []
    prepare_file = pictures_module.prepare_file

    def noting(content: bytes, rule: ImageRule, name: str) -> np.ndarray:
        names.append(name)
        return prepare_file(content, rule, name)

    monkeypatch.setattr(pictures_module, "prepare_file", noting)
    return names


def read(folder: Path, rule: ImageRule = RULE, watch: Callable[[int, int], None] = lambda *_: None) -> Parts:
    return read_pictures(open_folder(folder), rule, watch)


def packs() -> list[Path]:
    return sorted((cache_folder() or Path()).glob("prepared/*/*.pictures"))


def test_what_was_prepared_once_is_not_decoded_again(cats_and_dogs, decoded, tmp_path):
    first = read(cats_and_dogs)
    assert (len(decoded), first.known) == (12, 0)
    again = read(cats_and_dogs)
    assert (len(decoded), again.known) == (12, 12)
    assert np.array_equal(first.train.images, again.train.images)
    assert first.train.truth.tolist() == again.train.truth.tolist()
    # The same pictures elsewhere, under other names, and packed.
    moved = shutil.copytree(cats_and_dogs, tmp_path / "moved")
    (moved / "cat" / "000.png").rename(moved / "cat" / "zzz.png")
    packed = tmp_path / "pets.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in cats_and_dogs.rglob("*.png"):
            archive.write(file, file.relative_to(cats_and_dogs))
    assert read(moved).known == 12
    assert len(read_unlabelled(packed, RULE)) == 12
    assert len(decoded) == 12


def test_only_new_and_changed_pictures_are_decoded(cats_and_dogs, decoded, write_images):
    read(cats_and_dogs)
    write_images(cats_and_dogs / "cat", 2, first=6)
    shutil.copy(cats_and_dogs / "cat" / "000.png", cats_and_dogs / "cat" / "copy.png")
    before = (cats_and_dogs / "dog" / "003.png").stat()
    write_images(cats_and_dogs / "dog", 1, first=77)
    changed = cats_and_dogs / "dog" / "077.png"
    changed.replace(cats_and_dogs / "dog" / "003.png")
    decoded.clear()
    parts = read(cats_and_dogs)
    assert sorted(decoded) == ["cat/006.png", "cat/007.png", "dog/003.png"]
    assert len(parts.train) == 15
    assert (cats_and_dogs / "dog" / "003.png").stat().st_size == pytest.approx(before.st_size, rel=0.1)
    set_cache_limit(0)
    assert np.array_equal(parts.train.images, read(cats_and_dogs).train.images)


@pytest.mark.parametrize(
    "change", [{"height_px": 17}, {"crop": "stretch"}, {"decode": "whole"}, {"transparent": "ignored"}]
)
def test_another_rule_has_pictures_of_its_own(cats_and_dogs, decoded, change):
    read(cats_and_dogs)
    assert read(cats_and_dogs, replace(RULE, **change)).known == 0
    assert len(decoded) == 24


def test_what_another_version_prepared_is_not_used(cats_and_dogs, monkeypatch):
    read(cats_and_dogs)
    monkeypatch.setattr(folder_module, "_code_digest", lambda: "of another version")
    assert read(cats_and_dogs).known == 0
    monkeypatch.undo()


def test_an_export_finds_what_the_training_prepared(cats_and_dogs, decoded):
    for label, value in {"cat": 4000, "dog": 2000}.items():
        cv2.imwrite(str(cats_and_dogs / label / "deep.png"), np.full((16, 16), value, np.uint16))
        cv2.imwrite(str(cats_and_dogs / label / "plain.tiff"), np.full((16, 16, 3), 7, np.uint8))
    trained = read(cats_and_dogs)
    assert trained.bits == 12
    decoded.clear()
    exported = read(cats_and_dogs, replace(RULE, bits=12))  # as the card says
    again = read(cats_and_dogs)
    assert decoded == []
    assert exported.known == again.known == 16
    for one in (exported, again):
        assert np.array_equal(one.train.images, trained.train.images)
    assert again.notes == trained.notes
    assert read(cats_and_dogs, replace(RULE, bits=16)).train.images.max() > 0
    assert sorted(decoded) == ["cat/deep.png", "dog/deep.png"]


def test_why_a_file_cannot_be_used_is_known_too(cats_and_dogs, decoded):
    broken = cats_and_dogs / "dog" / "x.jpg"
    broken.write_bytes(damaged(encoded(scene(320, 240))))
    assert read(cats_and_dogs).skipped == ("dog/x.jpg: the JPEG is damaged",)
    broken.rename(cats_and_dogs / "cat" / "y; z.jpg")
    assert read(cats_and_dogs).skipped == ("cat/y; z.jpg: the JPEG is damaged",)
    assert len(decoded) == 13


def spoil_a_picture(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3 * PICTURE_BYTES + 5] ^= 1
    path.write_bytes(content)


def spoil_the_index(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[12 * PICTURE_BYTES + 20] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def shift(path: Path) -> None:
    path.write_bytes(path.read_bytes()[PICTURE_BYTES:])


@pytest.mark.parametrize(
    ("spoil", "known"),
    [
        (spoil_a_picture, 11),
        (spoil_the_index, 0),
        (cut_short, 0),
        (fill_with_zeros, 0),
        (empty, 0),
        (shift, 0),
    ],
)
def test_a_damaged_cache_never_gives_wrong_pixels(cats_and_dogs, decoded, spoil, known):
    right = read(cats_and_dogs).train.images
    decoded.clear()
    spoil(packs()[0])
    again = read(cats_and_dogs)
    assert np.array_equal(again.train.images, right)
    assert (again.known, len(decoded)) == (known, 12 - known)
    assert read(cats_and_dogs).known == 12  # it is whole again


def test_the_least_recently_used_go_when_it_is_full(tmp_path, write_images, decoded):
    for name in ("a", "b", "c"):
        for label in ("cat", "dog"):
            write_images(tmp_path / name / f"{label}-{name}", 10)
    set_cache_limit(2 * 20 * PICTURE_BYTES + 4000)
    read(tmp_path / "a")
    read(tmp_path / "b")
    read(tmp_path / "a")
    assert read(tmp_path / "c").known == 0
    use = cache_use()
    assert use is not None
    assert use.size_bytes <= use.limit_bytes
    assert [read(tmp_path / name).known for name in ("a", "c")] == [20, 20]
    assert read(tmp_path / "b").known == 0
    set_cache_limit(100)
    assert packs() == []


def test_a_data_set_above_the_limit_is_read_all_the_same(cats_and_dogs):
    set_cache_limit(5 * PICTURE_BYTES)
    parts = read(cats_and_dogs)
    assert len(parts.train) == 12
    assert packs() == []
    (note,) = parts.notes
    assert note.startswith(
        "prepared images: 0.0 GB, but the cache may hold only 0.0 GB, so that each command"
    )
    assert "`edgecls cache --limit 1GB`" in note
    assert not list((cache_folder() or Path()).glob("prepared/*/.edgecls-part-*"))


def no_cache(_: Path) -> None:
    set_cache_limit(0)


def not_a_folder(home: Path) -> None:
    home.write_text("a file")


@pytest.mark.parametrize("hinder", [no_cache, not_a_folder])
def test_without_a_cache_everything_works_in_memory(cats_and_dogs, home, hinder):
    right = read(cats_and_dogs).train.images
    shutil.rmtree(home)
    hinder(home)
    for _ in range(2):
        parts = read(cats_and_dogs)
        assert np.array_equal(parts.train.images, right)
        assert parts.known == 0
    assert packs() == []


def test_a_disk_that_is_full_in_the_middle_costs_no_picture(cats_and_dogs, small_disk, monkeypatch):
    right = read(cats_and_dogs, replace(RULE, height_px=128, width_px=128)).train.images
    monkeypatch.setenv("XDG_CACHE_HOME", str(small_disk))

    def fill(done: int, _total: int) -> None:
        if done == 3:
            with (small_disk / "filler").open("wb", buffering=0) as file:
                while True:
                    try:
                        file.write(bytes(4096))
                    except OSError:
                        return

    parts = read(cats_and_dogs, replace(RULE, height_px=128, width_px=128), fill)
    assert np.array_equal(parts.train.images, right)
    assert packs() == []


def test_an_interrupted_reading_goes_on_where_it_ended(cats_and_dogs, decoded):
    def interrupt(done: int, _total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(cats_and_dogs, RULE, interrupt)
    decoded.clear()
    assert read(cats_and_dogs).known == 7
    assert len(decoded) == 5


def test_commands_at_the_same_time_prepare_each_picture_once(tmp_path, write_images):
    for label in ("cat", "dog"):
        write_images(tmp_path / "pets" / label, 60, side_px=100)
    with ThreadPoolExecutor(3) as threads:
        parts = [*threads.map(read, [tmp_path / "pets"] * 3)]
    assert len(packs()) == 1
    for one in parts[1:]:
        assert np.array_equal(one.train.images, parts[0].train.images)


def test_a_removed_cache_does_not_disturb_who_uses_it(cats_and_dogs, monkeypatch):
    monkeypatch.setattr(cache_module, "IN_MEMORY_BYTES", 0)
    images = read(cats_and_dogs).train.images
    right = np.array(images)
    assert clear_cache() > 12 * PICTURE_BYTES
    assert packs() == []
    assert isinstance(images, MappedImages)
    assert np.array_equal(images, right)


def test_many_images_make_the_same_data_set_as_few(tmp_path, write_images, monkeypatch):
    for label in ("cat", "dog"):
        write_images(tmp_path / "pets" / label, 30)
    few = load_dataset(str(tmp_path / "pets"), RULE, seed=0)
    monkeypatch.setattr(cache_module, "IN_MEMORY_BYTES", 0)
    many = load_dataset(str(tmp_path / "pets"), RULE, seed=0)
    assert isinstance(few.train.images, np.ndarray)
    assert isinstance(many.train.images, MappedImages)
    assert many.sha256 == few.sha256
    assert many.files == few.files
    assert many.known == 60


def test_it_lies_where_the_system_keeps_such_files(monkeypatch, tmp_path):
    assert cache_folder() == tmp_path / "xdg" / "edgecls"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == Path("/home/ada/.cache/edgecls")
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == Path("/home/ada/Library/Caches/edgecls")


def test_a_limit_that_cannot_be_read_is_the_default(home):
    (home / "edgecls").mkdir(parents=True)
    (home / "edgecls" / "limit").write_text("nonsense")
    use = cache_use()
    assert use is not None
    assert use.limit_bytes == DEFAULT_LIMIT_BYTES


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("1.5 gb", 1_500_000_000), ("500M", 500 * 10**6), ("0", 0), ("7b", 7)],
)
def test_sizes_are_read(text, size):
    assert parse_size(text) == size


def test_another_text_is_no_size():
    with pytest.raises(UsageError, match=r"--limit lots: not a size; use one such as 20GB, 500MB, or 0"):
        parse_size("lots")
