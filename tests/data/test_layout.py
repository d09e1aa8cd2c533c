import unicodedata
from pathlib import PurePosixPath

import pytest

from edgecls.data.layout import Layout, find_background, find_layout, printable
from edgecls.data.store import Store
from edgecls.edge_runtime.errors import BadData


def layout_of(*files: str, folders: tuple[str, ...] = ()) -> Layout:
    paths = [tuple(map(PurePosixPath, names)) for names in (files, folders)]
    return find_layout(Store("it", *paths, read=lambda _: b""))


def members(layout: Layout) -> dict[str, list[tuple[str, str]]]:
    return {
        part: [(str(path), layout.labels[index]) for path, index in files]
        for part, files in layout.parts.items()
    }


def test_each_folder_is_a_class():
    layout = layout_of("dog/2.jpg", "cat/1.jpg", "dog/1.jpg")
    assert layout.labels == ("cat", "dog")
    assert members(layout) == {"train": [("cat/1.jpg", "cat"), ("dog/1.jpg", "dog"), ("dog/2.jpg", "dog")]}


def test_classes_take_turns_so_that_the_first_images_show_all():
    layout = layout_of(*(f"{label}/{number}.jpg" for label in "abc" for number in range(4)))
    assert [index for _, index in layout.parts["train"]] == [0, 1, 2] * 4


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_parts_are_known_by_their_folders(val):
    layout = layout_of(*(f"{part}/{label}/1.jpg" for part in ("train", val, "test") for label in "ab"))
    assert {part: len(files) for part, files in layout.parts.items()} == {"train": 2, "val": 2, "test": 2}
    assert layout.labels == ("a", "b")


@pytest.mark.parametrize("wrapper", ["pets/", "download/pets/"])
@pytest.mark.parametrize("part", ["", "train/"])
def test_folders_around_everything_are_looked_through(wrapper, part):
    layout = layout_of(f"{wrapper}{part}cat/1.jpg", f"{wrapper}{part}dog/1.jpg", "README.txt")
    assert layout.labels == ("cat", "dog")


def test_a_class_may_have_folders_inside():
    assert layout_of("cat/monday/1.jpg", "cat/2.jpg", "dog/1.jpg").labels == ("cat", "dog")


@pytest.mark.parametrize("name", ["train", "test", "valid"])
def test_a_class_may_be_called_like_a_part(name):
    assert layout_of(f"{name}/1.jpg", "car/1.jpg").labels == tuple(sorted(("car", name)))


def test_what_systems_leave_behind_is_no_class():
    layout = layout_of("cat/1.jpg", "dog/1.jpg", "cat/.DS_Store", "__MACOSX/cat/._1.jpg", ".git/x/y")
    assert layout.labels == ("cat", "dog")
    assert not layout.outside


def test_recordings_of_a_camera_are_taken_as_folders_of_pictures():
    recorded = ("000001/000000001.jpg", "000001/answers.jsonl", "recording.json")
    layout = layout_of(*(f"{label}/monday/{file}" for label in ("cup", "plate") for file in recorded))
    assert [str(path) for path, _ in layout.parts["train"]] == [
        "cup/monday/000001/000000001.jpg",
        "plate/monday/000001/000000001.jpg",
    ]
    assert layout.outside == []
    assert {str(file): str(folder) for file, folder in layout.groups.items()} == {
        "cup/monday/000001/000000001.jpg": "cup/monday",
        "plate/monday/000001/000000001.jpg": "plate/monday",
    }


def test_files_outside_of_class_folders_are_listed():
    layout = layout_of("train/a/1.jpg", "train/b/1.jpg", "train/labels.csv", "extra/1.jpg", "readme.txt")
    assert list(map(str, layout.outside)) == ["extra/1.jpg", "readme.txt", "train/labels.csv"]


def test_a_class_without_images_is_still_a_class():
    assert layout_of("cat/1.jpg", "dog/1.jpg", folders=("owl",)).labels == ("cat", "dog", "owl")


def test_names_composed_in_two_ways_are_one_class():
    names = [unicodedata.normalize(form, "éléphant") for form in ("NFC", "NFD")]
    assert names[0] != names[1]
    layout = layout_of(f"train/{names[0]}/1.jpg", f"test/{names[1]}/1.jpg", "train/猫/1.jpg", "test/猫/1.jpg")
    assert layout.labels == (names[0], "猫")


def test_bytes_that_are_no_text_are_shown_as_such():
    assert printable("a\udcffb\nc") == "a\ufffdb\ufffdc"


@pytest.mark.parametrize("files", [(), ("1.jpg", "2.jpg")])
def test_without_class_folders_the_layout_is_explained(files):
    with pytest.raises(BadData, match=r"it: no class folders with images; put the images of each class"):
        layout_of(*files)


def test_one_class_is_not_enough():
    with pytest.raises(BadData, match=r"it: only one class, cat"):
        layout_of("cat/1.jpg", "cat/2.jpg")


def test_parts_with_other_classes_are_refused_and_the_classes_named():
    with pytest.raises(BadData, match=r"only train/ has dog and only test/ has cow, owl"):
        layout_of("train/cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg", "test/owl/1.jpg", "test/cow/1.jpg")


@pytest.mark.parametrize(
    "label", ["background", "Background", "_background_", "none", "None of these", "none-of-these", "OTHER"]
)
def test_a_folder_for_none_of_these_is_known_by_its_name(label: str):
    assert find_background(("cat", label, "dog"), "it") == label


def test_other_names_are_classes_like_any():
    assert find_background(("cat", "nones", "other animals", "my background"), "it") is None


def test_two_of_them_are_refused_by_name():
    with pytest.raises(BadData, match=r"it: several classes mean none of the others: none, other; put"):
        find_background(("cat", "none", "other"), "it")
