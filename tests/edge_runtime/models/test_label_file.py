import codecs
import json

import pytest

from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.models.label_file import read_labels

PETS = ("cat", "dog", "bird")


def written(folder, content: bytes | str, name="labels.txt"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_one_line_is_a_list_with_commas_and_that_is_said(tmp_path):
    path, notes = tmp_path / "labels.txt", []
    path.write_text("cat, hot dog,bird\n")
    assert read_labels(path, notes.append) == ("cat", "hot dog", "bird")
    assert notes == [f"{path}: one line; took it as labels with commas between them"]
    path.write_text("cat,,bird")
    with pytest.raises(BadData, match="line 1"):
        read_labels(path)


def test_labels_are_lines(tmp_path):
    assert read_labels(written(tmp_path, "cat\r\n\n größe \ndog")) == ("cat", "größe", "dog")


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + "cat\r\ngröße\r\n".encode(),
        "cat\ngröße".encode("utf-16"),
        codecs.BOM_UTF16_BE + "cat\r\ngröße\n".encode("utf-16-be"),
    ],
    ids=["UTF-8", "UTF-16 LE", "UTF-16 BE"],
)
def test_a_byte_order_mark_names_the_encoding(tmp_path, content):
    assert read_labels(written(tmp_path, content)) == ("cat", "größe")


def test_labels_keep_joiners_and_spaces_of_other_scripts(tmp_path):
    labels = ("👩\u200d👩\u200d👧", "\u00a0a\u00a0b", "\u0645\u06cc\u200c\u062e")
    assert read_labels(written(tmp_path, codecs.BOM_UTF8 + "\r\n".join(labels).encode() + b"\r\n")) == labels


def test_equal_labels_are_told_apart(tmp_path):
    path = written(tmp_path, "crane\nmaillot\ncrane\nmaillot (2)\nmaillot\ncrane\n")
    assert read_labels(path) == ("crane", "maillot", "crane (2)", "maillot (2)", "maillot (3)", "crane (3)")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "0 cat\n1 dog\n2 bird\n"),  # Teachable Machine
        ("labels.txt", "0: cat\n1: dog\n2: bird"),
        ("labels.txt", "0\tcat\n1\tdog\n2\tbird"),
        ("labels.csv", "0,cat\n1,dog\n2,bird\n"),
        ("labels.csv", 'id,name\n0,cat\n1,"dog"\n2,bird\n'),
        ("labels.csv", "class,index\ncat,0\ndog,1\nbird,2\n"),
    ],
)
def test_numbers_that_are_places_are_taken_off_and_that_is_said(tmp_path, name, text):
    notes = []
    assert read_labels(written(tmp_path, text, name), notes.append) == PETS
    assert len(notes) == 1
    assert "took the numbers off its lines" in notes[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", '["cat", "dog", "bird"]'),
        ("labels.txt", '["cat", "dog", "bird"]\n'),
        ("classes.json", '{"0": "cat", "2": "bird", "1": "dog"}'),  # a map states its places
        ("class_indices.json", '{"bird": 2, "cat": 0, "dog": 1}'),
        ("imagenet.json", '{"0": ["n1", "cat"], "1": ["n2", "dog"], "2": ["n3", "bird"]}'),
        ("config.json", '{"id2label": {"0": "cat", "1": "dog", "2": "bird"}, "num_labels": 3}'),
        ("metadata.json", '{"tfjsVersion": "1.3.1", "labels": ["cat", "dog", "bird"], "imageSize": 224}'),
        (
            "data.yaml",
            "path: pets\ntrain: images\n\nnames:\n  0: cat  # a pet\n  1: dog\n  2: 'bird'\nnc: 3\n",
        ),
        ("data.yaml", "nc: 3\nnames: ['cat', \"dog\",\n  bird]  # three\n"),
        ("data.yml", "names:\n- cat\n- dog\n- bird\n"),
        ("data.yml", "names: {0: cat, 1: dog, 2: bird}\n"),
        ("labels.csv", "cat\ndog\nbird\n"),
    ],
)
def test_lists_and_maps_are_read_as_tools_write_them(tmp_path, name, text):
    notes = []
    assert read_labels(written(tmp_path, text, name), notes.append) == PETS
    assert not notes


@pytest.mark.parametrize(
    "labels",
    [
        ("0", "1", "2"),
        ("5 euro", "10 euro"),
        ("7 up", "cola"),
        ("0 cat", "dog"),
        ("[a]", "[b]"),
        ("3D", "2D"),
    ],
)
def test_numbers_that_belong_to_a_label_stay(tmp_path, labels):
    assert read_labels(written(tmp_path, "\n".join(labels))) == labels


def test_ten_and_more_are_ordered_by_number_and_not_by_text(tmp_path):
    values = {str(at): f"label {at}" for at in range(12)}
    text = json.dumps(values, sort_keys=True)
    assert text.index('"10"') < text.index('"2"')
    assert read_labels(written(tmp_path, text, "l.json")) == tuple(values.values())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("l.txt", b"", "0 labels"),
        ("l.txt", b"cat", "1 labels"),
        ("l.txt", b"\xff\xfe\0", "not a text file"),
        ("l.txt", b"\xe4\xff\n", "not a text file"),
        ("l.txt", b"cat\ndog\x1b[2J\n", r'line 2: "dog\\x1b\[2J" has \\x1b in it'),
        ("l.txt", b"cat\tpet\ndog\tpet\n", r'line 1: "cat\\tpet" has \\t in it'),
        ("l.txt", "cat\na\u202eb".encode(), r"has \\u202e in it"),
        ("l.txt", b"cat\n" + b"x" * 1025, "line 2: has 1,025 characters, not 1 to 1,024; write one"),
        ("l.txt", b"".join(b"%d\n" % number for number in range(65_537)), "65,537 labels"),
        ("l.txt", b"1 cat\n2 dog\n", "line 1: label 0, counted from 0, has the number 1; number them"),
        ("l.txt", b"0 cat\n2 dog\n", "line 2: label 1, counted from 0, has the number 2; number them"),
        ("l.txt", b"1 cat\n0 dog\n", "line 1: label 0, counted from 0, has the number 1; number them"),
        ("l.csv", b"id,name\n1,cat\n2,dog\n", "line 2: label 0, counted from 0, has the number 1"),
        ("l.csv", b"0,n1,cat\n1,n2,dog\n", "line 1: 3 columns; keep two"),
        ("l.json", b'["cat", "dog"', "not valid JSON"),
        ("l.json", b'{"1": "cat", "2": "dog"}', "label 0, counted from 0, has the number 1"),
        ("l.json", b'{"cat": 0, "dog": 0}', "label 1, counted from 0, has the number 0"),
        ("l.json", b'{"cat": 0, "dog": "1"}', '"cat" is neither the number'),
        ("l.json", b'[{"id": 0, "name": "cat"}, 3]', "label 0: not a text"),
        ("l.json", b'"cat"', "neither a list nor a map"),
        ("l.yaml", b"labels: [cat, dog]", "has no `names:`"),
        ("l.yaml", b"names: [cat, dog", r"no closing \]"),
        ("l.yaml", b"names:\n  1: cat\n  2: dog\n", "label 0, counted from 0, has the number 1"),
        ("l.yaml", b"names:\n  0: cat\n  0: dog\n", "has 0 twice"),
        ("l.yaml", b"names: cat\n", "neither a list nor a map"),
    ],
)  # fmt: skip
def test_a_file_without_labels_is_bad_data(tmp_path, name, content, words):
    with pytest.raises(BadData, match=words) as raised:
        read_labels(written(tmp_path, content, name))
    assert str(raised.value).count(";") >= 1  # what to do
