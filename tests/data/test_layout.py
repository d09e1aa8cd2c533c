import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

import pytest

from edgecls.data.layout import Layout, find_background, find_layout
from edgecls.data.store import Store
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.text import printable


def layout_of(
    *files: str, folders: tuple[str, ...] = (), texts: Mapping[str, str] = {}, name: str = "it"
) -> Layout:
    paths = [tuple(map(PurePosixPath, names)) for names in ((*files, *texts), folders)]
    return find_layout(Store(name, *paths, read=lambda path: texts.get(str(path), "").encode()))


def pictures(folder: str, count: int = 3) -> list[str]:
    """The paths of some pictures; `folder` may end with the start of their names."""
    return [f"{folder}{number}.jpg" for number in range(count)]


def split(name: str, classes: str = "ab") -> list[str]:
    """The paths of a split folder with class folders."""
    return [path for label in classes for path in pictures(f"{name}/{label}/")]


def counts(layout: Layout) -> dict[str, dict[str, int]]:
    return {
        part: dict(Counter(layout.labels[index] for _, index in files))
        for part, files in layout.parts.items()
    }


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
    assert list(map(str, layout.outside)) == ["readme.txt", "train/labels.csv"]
    assert layout.notes == ("extra/: 1 picture without labels; not used",)


@pytest.mark.parametrize("splits", [["train"], ["train", "test"]])
@pytest.mark.parametrize("beside", ["images", "extra", "more", "images/old", "", "more/A"])
def test_class_folders_beside_split_folders_are_refused(splits: list[str], beside: str):
    pictures_of_splits = [path for name in splits for path in split(name)]
    also = split(beside) if beside else [*pictures("a/"), *pictures("b/")]
    also = pictures("more/A/") + pictures("more/B/") if beside == "more/A" else also
    with pytest.raises(BadData, match=r"train/"):
        layout_of(*pictures_of_splits, *also)


def test_class_folders_in_two_of_many_folders_are_refused():
    with pytest.raises(BadData, match=r"train/ may be the training split .* beside more/"):
        layout_of(*split("train"), *split("more"), *pictures("others/"))


@pytest.mark.parametrize("inner", ["ab", "abcd"])
@pytest.mark.parametrize("loose", [[], ["train/1.jpg"]])
def test_a_folder_of_folders_named_as_the_classes_is_no_class(inner: str, loose: list[str]):
    with pytest.raises(BadData, match=r"train/ looks like a data set itself"):
        layout_of(
            *(path for label in "abc" for path in pictures(f"{label}/")), *split("train", inner), *loose
        )


@pytest.mark.parametrize("splits", [["train"], ["train", "test"]])
def test_pictures_without_labels_beside_splits_are_left_out_and_said(splits: list[str]):
    beside = [*pictures("images/", 30), "notes/a/1.txt", "annotations/b/1.xml"]
    layout = layout_of(*(path for name in splits for path in split(name)), *beside, folders=("old/a",))
    assert layout.notes == ("images/: 30 pictures without labels; not used",)
    assert list(map(str, layout.outside)) == ["annotations/b/1.xml", "notes/a/1.txt"]


def test_a_class_without_images_is_still_a_class():
    assert layout_of("cat/1.jpg", "dog/1.jpg", folders=("owl",)).labels == ("cat", "dog", "owl")


def test_names_composed_in_two_ways_are_one_class():
    names = [unicodedata.normalize(form, "éléphant") for form in ("NFC", "NFD")]
    assert names[0] != names[1]
    layout = layout_of(f"train/{names[0]}/1.jpg", f"test/{names[1]}/1.jpg", "train/猫/1.jpg", "test/猫/1.jpg")
    assert layout.labels == (names[0], "猫")


def test_bytes_that_are_no_text_are_shown_as_such():
    assert printable("a\udcffb\nc") == "a\\udcffb\\nc"


@pytest.mark.parametrize("files", [(), ("1.jpg", "2.jpg")])
def test_without_class_folders_the_layout_is_explained(files):
    with pytest.raises(BadData, match=r"it: no class folders with images; put the images of each class"):
        layout_of(*files)


def test_for_pictures_in_one_folder_names_and_a_table_are_explained_and_work():
    with pytest.raises(BadData, match=r"or name the files cat\.0\.jpg, dog\.0\.jpg, or add labels\.csv with"):
        layout_of("cat0.jpg", "cat1.jpg", "dog0.jpg", "dog1.jpg")
    assert layout_of("cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg").labels == ("cat", "dog")


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


# Split folders under other names

A_AND_B = {"a": 3, "b": 3}


@pytest.mark.parametrize(
    ("train", "other", "part"),
    [
        ("Training", "Testing", "test"),
        ("training_set", "test_set", "test"),
        ("cats_train", "cats_test", "test"),
        ("train_images", "test_images", "test"),
        ("Train Data", "Validation Data", "val"),
        ("train2017", "val2017", "val"),
        ("train", "test1", "test"),
        ("TRAIN", "dev", "val"),
        ("train", "holdout", "test"),
        ("training", "evaluation", "test"),
        ("seg_train/seg_train", "seg_test/seg_test", "test"),
        ("dataset/dataset/train", "dataset/dataset/test", "test"),
        ("train/images", "test/images", "test"),
    ],
)
def test_split_folders_are_known_under_other_names(train: str, other: str, part: str):
    assert counts(layout_of(*split(train), *split(other))) == {"train": A_AND_B, part: A_AND_B}


def test_unusual_split_folders_are_said():
    notes = layout_of(*split("Training"), *split("Testing")).notes
    assert notes == ("split folders: Training/ as train, Testing/ as test",)
    assert layout_of(*split("train"), *split("valid")).notes == ()


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["train", "val", "eval"], ["train", "val", "test"]),
        (["train", "test", "holdout"], ["train", "test", "val"]),
        (["training", "validation", "evaluation"], ["train", "val", "test"]),
    ],
)
def test_eval_and_holdout_take_the_part_that_is_left(names, parts):
    assert list(counts(layout_of(*(path for name in names for path in split(name))))) == parts


@pytest.mark.parametrize("test", ["test/", "test/test/", "test/unknown/", "asl_alphabet_test/A_"])
def test_a_test_folder_without_labels_is_ignored_and_said(test):
    train = "asl_alphabet_train" if "asl" in test else "train"
    layout = layout_of(*split(train), *pictures(test))
    assert counts(layout) == {"train": A_AND_B}
    assert layout.notes[-1] == f"{test.partition('/')[0]}/: 3 pictures without labels; not used"
    assert layout.outside == []


def test_a_folder_to_predict_is_not_used():
    layout = layout_of(*split("seg_train"), *split("seg_test"), *pictures("seg_pred/seg_pred/"))
    assert list(layout.parts) == ["train", "test"]
    assert "seg_pred/: 3 pictures without labels; not used" in layout.notes


def test_each_class_may_have_its_own_split_folders():
    paths = [path for label in "ab" for part in ("train", "test") for path in pictures(f"{label}/{part}/")]
    layout = layout_of(*paths)
    assert counts(layout) == {"train": A_AND_B, "test": A_AND_B}
    with pytest.raises(
        BadData, match=r"a/ has its own train/ and test/ inside, but owl/ has pictures beside"
    ):
        layout_of(*paths, *pictures("owl/"))


@pytest.mark.parametrize(
    "names",
    [
        ("train/", "test/"),
        ("train/", "valid/", "test/"),
        ("Training/", "Testing/", "extra/"),
        ("train/", "images/"),
        ("val/a/", "val/b/", "test/a/", "test/b/"),
        ("train1/a/", "train1/b/", "train2/a/", "train2/b/"),
        ("cats_train/", "cats_test/", "dogs_train/", "dogs_test/"),
        ("fold1/", "fold2/"),
        ("images_part_1/", "images_part_2/"),
        ("images/", "masks/"),
        ("labeled/", "unlabeled/"),
        ("train/", "to_predict/"),
        ("train/", "test_v2_new/"),
        ("trainA/", "trainB/", "testA/", "testB/"),
        ("monday/", "tuesday/"),
        ("2024-05-01/", "2024-05-02/"),
        ("cup/day1/", "cup/day2/"),
        ("images/train/", "images/val/"),
    ],
)
def test_folders_that_look_like_splits_or_pieces_are_no_classes(names):
    with pytest.raises(BadData, match=r"cat/1\.jpg|inside train/ and test/") as raised:
        layout_of(*(path for name in names for path in pictures(name)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"data.yaml": "", "labels/train/0.txt": "0 0.5 0.5 1 1"}, "data.yaml is for object detection"),
        ({"images/train/_annotations.coco.json": "{}"}, "_annotations.coco.json is for object detection"),
    ],
)
def test_a_data_set_for_object_detection_is_called_so(extra, words):
    with pytest.raises(BadData, match=words):
        layout_of(*pictures("images/train/"), *pictures("images/val/"), texts=extra)


@pytest.mark.parametrize(
    "names",
    [
        ("color", "grayscale", "segmented"),
        ("EuroSAT", "EuroSATallBands"),
        ("birds/images", "segmentations"),
    ],
)
def test_versions_of_one_data_set_are_no_classes(names):
    with pytest.raises(BadData, match=r"looks? like a data set itself, with class folders inside \(a, b\)"):
        layout_of(*(path for name in names for path in split(name)))


@pytest.mark.parametrize(
    "files",
    [
        [*split("flowers"), *split("flowers/flowers")],  # packed twice
        [*split("", "ab"), *split("all", "ab")],
        [*split("Augmented/Augmented/train"), *split("Augmented/Augmented/valid"), *pictures("test/test/")],
    ],
)
def test_a_data_set_among_the_classes_is_no_class(files: list[str]):
    with pytest.raises(BadData, match="looks like a data set itself"):
        layout_of(*[file.lstrip("/") for file in files])


def test_of_two_test_folders_the_one_with_the_classes_is_taken():
    files = [*split("Training"), *split("Test"), *pictures("test-multiple_fruits/")]
    layout = layout_of(*files)
    assert counts(layout)["test"] == {"a": 3, "b": 3}
    assert "test-multiple_fruits/: 3 pictures without labels; not used" in layout.notes


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("entrenamiento", "prueba"),
        ("训练集", "测试集"),
        ("обучение", "тест"),
        ("Training", unicodedata.normalize("NFD", "Prüfung")),
        ("学習データ", "テスト"),
    ],
)
def test_split_folders_of_other_languages_are_no_classes(train: str, test: str):
    assert set(counts(layout_of(*split(train), *split(test)))) == {"train", "test"}
    with pytest.raises(BadData, match="looks like the training split"):
        layout_of(*pictures(f"{train}/"), *pictures(f"{test}/"))


@pytest.mark.parametrize("around", ["", "train/"])
def test_masks_beside_their_pictures_are_said(around: str):
    files = [
        f"{around}{label}/{label} ({n}){end}.png" for label in "ab" for n in range(3) for end in ("", "_mask")
    ]
    (note,) = layout_of(*files, f"{around}a/gas_mask.png").notes
    assert note.startswith("warning: 6 pictures look like masks of others, such as a (0)_mask.png of a (0);")


def test_annotations_without_suffix_are_no_class():
    layout = layout_of(*split("Images"), "Annotation/a/n1", "Annotation/b/n2")
    assert counts(layout) == {"train": A_AND_B}


def test_archives_inside_are_named():
    with pytest.raises(BadData, match=r"train\.zip is packed, unpack it or give it to --data"):
        layout_of(texts={"train.zip": "", "test1.zip": "", "sampleSubmission.csv": "id,label"})


# A class called train


@pytest.mark.parametrize(
    "files",
    [
        pictures("train/"),
        pictures("train/monday/"),
        [*pictures("train/monday/000001/"), "train/monday/recording.json"],
        [*pictures("train/steam/"), *pictures("train/electric/")],
        [*pictures("train/"), *pictures("train/old/more/")],
    ],
)
def test_a_train_is_a_class_among_other_vehicles(files):
    layout = layout_of(*files, *pictures("car/sedan/"), *pictures("bus/"))
    assert layout.labels == ("bus", "car", "train")
    assert layout.notes[0] == "train/ is taken for a class, as the other folders are"
    assert not layout.outside


def test_a_train_may_be_a_class_in_split_folders():
    layout = layout_of(*(path for part in ("train", "test") for path in split(part, "xyz")))
    assert layout.labels == ("x", "y", "z")
    vehicles = [f"{part}/{label}/1.jpg" for part in ("train", "test") for label in ("bus", "train")]
    assert layout_of(*vehicles).labels == ("bus", "train")


@pytest.mark.parametrize(
    "names",
    [
        ("freight_train", "passenger_train"),
        ("Type_1", "Type_2"),
        ("0", "1"),
        ("day", "night"),
        ("color", "gray"),
    ],
)
def test_what_only_resembles_a_split_is_a_class(names):
    assert layout_of(*(path for name in names for path in pictures(f"{name}/"))).labels == names


def test_a_train_folder_that_may_be_both_is_asked_about():
    with pytest.raises(
        BadData, match=r"train/ may be the training split \(with a, b\) or a class beside car/"
    ):
        layout_of(*split("train"), *pictures("car/"))


# Recordings and folders inside


def test_recordings_alone_are_those_of_one_class():
    files = [f"cup/{day}/{file}" for day in ("mon", "tue") for file in ("000001/1.jpg", "recording.json")]
    with pytest.raises(BadData, match="only one class, cup"):
        layout_of(*files)
    direct = [f"{label}/{file}" for label in ("cup", "plate") for file in ("000001/1.jpg", "recording.json")]
    assert layout_of(*direct).labels == ("cup", "plate")
    zipped = [f"pictures/{path}" for path in direct]
    assert layout_of(*zipped, name="downloads/pictures.zip").labels == ("cup", "plate")


def test_a_class_with_a_folder_inside_is_the_only_one():
    with pytest.raises(BadData, match="only one class, cat"):
        layout_of(*pictures("cat/"), *pictures("cat/near/"))


def test_classes_that_hold_only_folders_are_said():
    layout = layout_of(*pictures("animals/cat/"), *pictures("animals/dog/"), *pictures("plants/"))
    assert layout.labels == ("animals", "plants")
    assert layout.notes == ("animals/ holds folders (cat, dog): all their pictures are of the class animals",)


# Numbered folders, litter


@pytest.mark.parametrize(
    "text",
    [
        {"classes.txt": "cat\ndog\n"},
        {"labels.txt": "0 cat\n1 dog\n"},
        {"class_names.csv": "ClassId,Name\n0,cat\n1,dog\n"},
        {"cat_to_name.json": '{"0": "cat", "1": "dog"}'},
        {"meta/label_map.json": '{"cat": 0, "dog": 1}'},
    ],
)
def test_numbered_folders_take_their_names_from_a_list(text):
    layout = layout_of(*pictures("0/"), *pictures("1/"), texts=text)
    assert layout.labels == ("cat", "dog")
    assert dict(members(layout)["train"])["0/0.jpg"] == "cat"
    assert layout.notes == (f"names of the numbered classes: from {next(iter(text))}",)


@pytest.mark.parametrize(
    "text",
    [
        {"classes.txt": "cat\ndog\nowl\n"},
        {"labels.csv": "id,label\n0,cat\n1,dog\n2,cat\n3,dog\n"},
        {"names.json": "{"},
        {"names.txt": "cat\ncat\n"},
    ],
)
def test_a_list_that_does_not_fit_changes_no_label(text):
    assert layout_of(*pictures("0/"), *pictures("1/"), texts=text).labels == ("0", "1")


def test_litter_of_drives_is_counted_and_is_no_class():
    litter = [
        *(
            "lost+found/1.jpg",
            "System Volume Information/x",
            "$RECYCLE.BIN/S-1-5/1.jpg",
            "RECYCLER/S-1-5/1.jpg",
        ),
        *(
            ".Trash-1000/files/1.jpg",
            "#recycle/1.jpg",
            "FOUND.000/FILE0000.CHK",
            "cat/@eaDir/1.jpg/THUMB.jpg",
        ),
        *("cat/Thumbs.db", "cat/._1.jpg", "cat/.ipynb_checkpoints/1.jpg", ".git/HEAD", "LOST.DIR/1.jpg"),
    ]
    layout = layout_of(*pictures("cat/"), *pictures("dog/"), *litter)
    assert counts(layout) == {"train": {"cat": 3, "dog": 3}}
    (note,) = layout.notes
    assert note.startswith("left out 13 hidden or system files and folders: #recycle, ")
    assert layout_of(*pictures("recycled/"), *pictures("new/")).labels == ("new", "recycled")


def test_folders_of_models_and_programs_are_no_classes():
    layout = layout_of(*pictures("data/cat/"), *pictures("data/dog/"), "src/train.py", "models/best.pt")
    assert layout.labels == ("cat", "dog")


def test_a_class_may_hold_folders_that_are_called_like_splits():
    paths = [f"transport/{name}/1.jpg" for name in ("car", "train/a", "train/b")]
    assert layout_of(*paths, *pictures("animals/cat/")).labels == ("animals", "transport")
