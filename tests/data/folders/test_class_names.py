import unicodedata
from pathlib import PurePosixPath

import pytest

from edgecls.data.folders.class_names import name_classes
from edgecls.data.folders.name_encodings import NameHints, guess
from edgecls.edge_runtime.errors import BadData, UsageError


def labels_of(*folders: str, encoding: str | None = None) -> tuple[list[str], list[str]]:
    parts, notes = name_classes(
        {"train": {folder: [PurePosixPath(folder)] for folder in folders}}, "it", NameHints(encoding)
    )
    return list(parts["train"]), notes


def as_listed(name: str, encoding: str) -> str:
    """A folder's name as Python lists it where it is not UTF-8."""
    return name.encode(encoding).decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "name", ["👩‍👩‍👧", "\u0645\u06cc\u200c\u062e", "a\u00a0b", "क्\u200dष", "größe", "Ελλάδα", "a\u200fb"]
)
def test_joiners_and_spaces_of_any_script_stay_in_labels(name):
    assert labels_of(name, "x") == ([name, "x"], [])


def test_names_that_differ_in_bytes_that_are_no_text_are_different_classes():
    labels, notes = labels_of("\udcff\udcfe", "\udcff\udcfd")
    assert labels == ["\\xff\\xfe", "\\xff\\xfd"]
    assert "in an unknown encoding" in notes[0]
    assert "--zip-encoding" in notes[0]


def test_an_encoding_that_is_certain_is_read_and_said():
    assert labels_of(as_listed("Äpfel", "latin-1"), as_listed("Öpfel", "latin-1")) == (
        ["Äpfel", "Öpfel"],
        ["names of folders that are not UTF-8 were read as cp1252"],
    )


def test_an_encoding_may_be_named():
    russian = [as_listed(word, "cp1251") for word in ("овощи", "рыба")]
    assert labels_of(*russian, encoding="cp1251")[0] == ["овощи", "рыба"]
    assert labels_of(*russian)[0][0].startswith("\\x")  # it may be KOI8-R as well
    with pytest.raises(UsageError, match=r"it: its names are not in cp932; try another --zip-encoding"):
        labels_of("\udc81", encoding="cp932")


def test_two_folders_with_one_text_are_refused():
    names = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    with pytest.raises(
        BadData, match=r"two class folders would both be shown as é \('\\xe9' and 'e\\u0301'\)"
    ):
        labels_of(*names)
    with pytest.raises(BadData, match="two class folders would both be shown"):
        labels_of("a\nb", "a\\nb")


def test_classes_that_look_the_same_are_said():
    labels, notes = labels_of("ab", "a\u200cb")
    assert labels == ["ab", "a\u200cb"]
    assert notes[0].startswith("warning: the classes 'ab' and 'a\\u200cb' look alike")
    assert "look alike" in labels_of("cat", "\uff43\uff41\uff54")[1][0]
    assert labels_of("Cat", "cat ")[1][0].startswith("warning: the classes 'Cat' and 'cat ' look alike")


def test_what_is_dangerous_to_show_is_written_out():
    assert labels_of("a\x1b[2J", "a\u202eb", "c\nd")[0] == ["a\\x1b[2J", "a\\u202eb", "c\\nd"]


@pytest.mark.parametrize(
    ("words", "encoding", "guessed"),
    [
        (["Müsli", "Café"], "cp437", "cp437"),
        (["Müsli", "Café"], "cp1252", "cp1252"),
        (["овощи", "мясо", "рыба"], "cp866", "cp866"),
        (["овощи", "мясо", "рыба"], "koi8-r", None),
        (["苹果", "香蕉", "橙子"], "gbk", None),
        (["りんご", "みかん", "犬"], "cp932", None),
        (["사과", "배"], "cp949", None),
    ],
)
def test_an_encoding_is_guessed_only_where_one_fits(words, encoding, guessed):
    found = guess([word.encode(encoding) for word in words], NameHints(), "it")
    assert found.encoding == guessed
    if guessed is None:
        assert any(example == words[0] for example in found.examples)


def test_the_labels_of_a_model_tell_the_encoding():
    names = [word.encode("koi8-r") for word in ("овощи", "мясо", "рыба", "фото")]
    assert guess(names, NameHints(labels=frozenset(("мясо", "рыба"))), "it").encoding == "koi8-r"
    assert guess(names, NameHints(labels=frozenset(("cat", "dog"))), "it").encoding is None
