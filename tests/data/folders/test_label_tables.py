from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath

import pytest

from edgecls.data.layout import Layout, find_layout
from edgecls.data.store import Store
from edgecls.edge_runtime.errors import BadData


def layout_of(files: list[str], tables: Mapping[str, str | bytes]) -> Layout:
    contents = {
        PurePosixPath(name): text if isinstance(text, bytes) else text.encode()
        for name, text in tables.items()
    }
    paths = (*map(PurePosixPath, files), *contents)
    return find_layout(Store("it", paths, (), read=lambda path: contents[path]))


def counts(layout: Layout) -> dict[str, dict[str, int]]:
    return {
        part: dict(Counter(layout.labels[index] for _, index in files))
        for part, files in layout.parts.items()
    }


def pictures(start: str, count: int = 4) -> list[str]:
    return [f"{start}{number}.jpg" for number in range(count)]


LABELS = ("cat", "dog", "dog", "dog")


def table(key: str = "{}.jpg", head: str = "filename,label") -> str:
    return head + "\n" + "".join(f"{key.format(number)},{label}\n" for number, label in enumerate(LABELS))


CATS_AND_DOGS = {"cat": 1, "dog": 3}


@pytest.mark.parametrize(
    ("files", "tables"),
    [
        (pictures(""), {"labels.csv": table()}),
        (pictures("images/"), {"labels.csv": table()}),
        (pictures("images/"), {"labels.csv": table("images/{}.jpg")}),
        (pictures("data/images/"), {"data/labels.csv": table("../input/images\\{}.jpg")}),
        (pictures("train/"), {"labels.csv": table("{}", "id,breed")}),
        (pictures("train/img_"), {"train.csv": table("IMG_{}.JPG", "image_id,class")}),
        (pictures("train/"), {"trainLabels.csv": table("{}", "image,level")}),
        (pictures("train/images/"), {"train/labels.csv": table("{}.png")}),
        (pictures("pics/"), {"list.csv": table("{}.jpg", "0.jpg,cat")}),
        (pictures(""), {"labels.csv": table().replace(",", ";")}),
        (pictures("images/"), {"labels.txt": "".join(f"images/{n}.jpg {LABELS[n]}\n" for n in range(4))}),
        (pictures(""), {"labels.tsv": table().replace(",", "\t")}),
        (pictures(""), {"labels.csv": b"\xef\xbb\xbf" + table().encode()}),
        (pictures(""), {"labels.csv": table().encode("utf-16")}),
        (pictures("part_1/a") + pictures("part_2/b", 0), {"m.csv": table("a{}", "id,dx")}),
    ],
)
def test_a_table_beside_one_folder_has_the_labels(files, tables):
    layout = layout_of(files, tables)
    assert counts(layout) == {"train": CATS_AND_DOGS}
    assert layout.notes[0].startswith("labels")
    assert layout.outside == []


def test_kaggle_s_test_folder_and_sample_are_not_used():
    layout = layout_of(
        [*pictures("train/"), *pictures("test/", 9)],
        {
            "train.csv": table("{}", "id,breed"),
            "test.csv": "id\n0\n1\n",
            "sample_submission.csv": table("{}"),
        },
    )
    assert counts(layout) == {"train": CATS_AND_DOGS}
    assert "test/: 9 pictures without labels; not used" in layout.notes


def test_a_table_for_train_does_not_label_the_test_pictures_of_the_same_numbers():
    layout = layout_of([*pictures("train/"), *pictures("test/")], {"labels.csv": table("{}", "id,label")})
    assert counts(layout) == {"train": CATS_AND_DOGS}


def test_a_table_for_the_test_folder_is_used_beside_class_folders():
    files = [*pictures("Train/0/"), *pictures("Train/1/"), *pictures("Test/")]
    rows = "".join(f"30,5,{number % 2},Test/{number}.jpg\n" for number in range(4))
    layout = layout_of(files, {"Test.csv": "Width,Roi.X1,ClassId,Path\n" + rows})
    assert counts(layout) == {"train": {"0": 4, "1": 4}, "test": {"0": 2, "1": 2}}


def test_tiny_imagenet_s_annotations_are_the_labels_of_val():
    text = "".join(f"val_{number}.JPEG\t{label}\t0\t0\t62\t62\n" for number, label in enumerate(LABELS))
    files = [f"train/{label}/images/{number}.jpg" for label in ("cat", "dog") for number in range(2)]
    files += [f"val/images/val_{number}.JPEG" for number in range(4)]
    layout = layout_of(files, {"val/val_annotations.txt": text})
    assert counts(layout) == {"train": {"cat": 2, "dog": 2}, "val": CATS_AND_DOGS}
    assert layout.outside == []


def test_a_numbered_list_of_classes_labels_no_pictures():
    with pytest.raises(BadData, match="no table with the labels"):
        layout_of(pictures("images/"), {"labels.txt": "0 cat\n1 dog\n"})


def test_roboflow_s_columns_of_0_and_1_are_the_classes():
    one_hot = "filename, cat, dog\n" + "".join(
        f"{number}.jpg, {int(label == 'cat')}, {int(label == 'dog')}\n" for number, label in enumerate(LABELS)
    )
    files = [path for part in ("train", "valid", "test") for path in pictures(f"{part}/")]
    layout = layout_of(files, {f"{part}/_classes.csv": one_hot for part in ("train", "valid", "test")})
    assert counts(layout) == dict.fromkeys(("train", "val", "test"), CATS_AND_DOGS)


def test_pictures_with_two_classes_or_none_are_left_out_and_said():
    rows = ("0.jpg,1,0,0", "1.jpg,0,1,0", "2.jpg,0,1,0", "3.jpg,1,1,0", "4.jpg,0,0,1")
    text = "\n".join(("filename,cat,dog,Unlabeled", *rows))
    layout = layout_of(pictures("train/", 6), {"train/_classes.csv": text})
    assert counts(layout) == {"train": {"cat": 1, "dog": 2}}
    assert layout.notes[1:] == (
        "warning: left out 1 of 6 pictures: several classes in train/_classes.csv",
        "warning: left out 2 of 6 pictures: no class in train/_classes.csv",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "filename,cat,dog\n" + "".join(f"{n}.jpg,1,1\n" for n in range(4)),
            "most pictures have several classes",
        ),
        (table("{}.jpg,1,1", "filename,xmin,ymin,class"), "boxes or outlines for object detection"),
        (table("{}.jpg,x", "filename,foo,bar"), r"which of its columns is the class \(filename, foo, bar\)"),
        ("file,price\n" + "".join(f"{n}.jpg,{n}.5\n" for n in range(4)), "4 different labels for 4 pictures"),
        (b"file,label\n0.jpg,\xff\n", "not UTF-8"),
    ],
)
def test_a_table_without_one_class_for_each_picture_is_refused_with_the_reason(text, reason):
    with pytest.raises(BadData, match=rf"labels.csv: .*{reason}"):
        layout_of(pictures(""), {"labels.csv": text})


def test_labels_in_the_file_names_are_read_where_every_picture_has_one():
    files = [*pictures("train/cat."), *pictures("train/dog."), *pictures("test/")]
    layout = layout_of(files, {})
    assert counts(layout) == {"train": {"cat": 4, "dog": 4}}
    assert layout.notes[0] == "labels of train: from the file names, such as cat.0.jpg"
    with pytest.raises(BadData, match=r"train/ looks like the training split"):
        layout_of([*files, "train/cover.jpg"], {})
    with pytest.raises(BadData, match=r"train/ looks like the training split"):  # a camera's names
        layout_of([*pictures("train/IMG_"), *pictures("train/DSC_"), *pictures("test/")], {})


def test_class_folders_are_not_overruled_by_a_table():
    files = [*pictures("cat/a"), *pictures("dog/b")]
    assert counts(layout_of(files, {"meta.csv": table("a{}", "id,sex")})) == {"train": {"cat": 4, "dog": 4}}


def test_tables_of_train_and_test_may_share_one_folder():
    def rows(numbers: range) -> str:
        return "file,label\n" + "".join(f"{number}.jpg,{'ab'[number % 2]}\n" for number in numbers)

    tables = {"test.csv": rows(range(6, 10)), "train.csv": rows(range(6))}
    layout = layout_of(pictures("images/", 10), tables)
    assert counts(layout) == {"train": {"a": 3, "b": 3}, "test": {"a": 2, "b": 2}}
    assert layout.notes == ("labels: from train.csv", "labels of test: from test.csv")
    layout = layout_of(pictures("images/", 10), {**tables, "test.csv": "file\n6.jpg\n7.jpg\n"})
    assert layout.notes[1] == "warning: left out 4 of 10 pictures: no class in train.csv"
