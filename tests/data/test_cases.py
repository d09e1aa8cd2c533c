"""Data sets that broke something, from `../shared/cases`: the right labels, or one line that says why not."""

import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from edgecls.data.archives.open import open_archive
from edgecls.data.layout import find_layout
from edgecls.data.store import open_folder
from edgecls.edge_runtime.errors import BadData

CASES = Path(__file__).parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is not on this machine")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    with tarfile.open(CASES / "folders.tar.gz") as tar:
        tar.extractall(folder, filter="fully_trusted")  # noqa: S202 - ours; its links lead out on purpose
    return folder


ONEDUP = ("fish", "fruit", "grain", "vegetable")
READ = {
    "kaggle_flat": {"train": {"fish": 20, "fruit": 20}},
    "intel": {"train": {"fish": 24, "fruit": 24}, "test": {"fish": 12, "fruit": 12}},
    "onedup": {
        "train": dict.fromkeys(ONEDUP, 30),
        "test": {**dict.fromkeys(ONEDUP, 15), "fish": 16},
        "val": dict.fromkeys(ONEDUP, 4),
    },
    "icons_transparent": {"train": dict.fromkeys("ABCD", 40)},
    "arrows": {"train": {"left": 120, "right": 120}},
    "synology": {"train": {"fish": 20, "fruit": 20}},
    "cp1251": {
        "train": {rf"\x{raw.hex(' ').replace(' ', chr(92) + 'x')}": 20 for raw in
                  (word.encode("cp1251") for word in ("мясо", "овощи", "рыба"))},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_folders_give_the_right_labels(cases, name):
    layout = find_layout(open_folder(cases / name))
    found = {
        part: dict(Counter(layout.labels[index] for _, index in files))
        for part, files in layout.parts.items()
    }
    assert found == READ[name]
    assert not layout.outside


def test_packed_they_give_the_same(cases, tmp_path):
    for name in READ:
        packed = tmp_path / f"{name}.tgz"
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(cases / name, name)
        with open_archive(packed) as store:
            assert find_layout(store).labels == find_layout(open_folder(cases / name)).labels
    zipped = tmp_path / "intel.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in (cases / "intel").rglob("*.jpeg"):
            archive.write(file, file.relative_to(cases))
    with open_archive(zipped) as store:
        assert list(find_layout(store).parts) == ["train", "test"]


def test_links_that_lead_nowhere_are_named(cases):
    with pytest.raises(
        BadData, match=r"no class folders with images \(fish: a link to .*, which is not there\)"
    ):
        find_layout(open_folder(cases / "symlinks_same"))


def test_macos_s_zip_has_its_accents():
    with open_archive(CASES / "macos_finder.zip") as store:
        assert find_layout(store).labels == ("Müsli", "café")


def test_a_tar_with_links_out_of_it_is_refused():
    with (
        pytest.raises(BadData, match=r"refused: the link .* leads out of the tar"),
        open_archive(CASES / "folders.tar.gz"),
    ):
        pass
