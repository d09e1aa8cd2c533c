import io
import json
import sys
from io import StringIO

import pytest

from edgecls.edge_runtime.text import (
    counted,
    duration,
    encoded_for,
    json_for_stdout,
    one_reason,
    paint,
    printable,
    readable,
    show_all_characters,
    wrap_for,
)
from edgecls.edge_runtime.text_table import Heading, table
from tests.fakes import Terminal


@pytest.mark.parametrize("text", ["", "cat", "größe 日本", "👨‍👩‍👧", "نص", "a\u00a0b"])
def test_words_of_any_script_stay_as_they_are(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x07", "\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
    ],
)
def test_control_characters_are_written_out(text, shown):
    assert printable(text) == shown


HEADINGS = ["file", "size", Heading("largest difference", -1), Heading("accuracy", 1)]
ROWS = [
    ["image_classification.tflite", "134,440 B", "3.6e-07", "84.91%"],
    ["image_classification_int8.tflite", "97,727 B", "0.11", "84.90%"],
]


def test_a_table_is_markdown_as_wide_as_it_is():
    assert table(["file", "kB"], [["a.tflite", "97"]]).splitlines() == [
        "| file     |  kB |",
        "| -------- | --: |",
        "| a.tflite |  97 |",
    ]


def test_a_table_that_is_too_wide_wraps_its_headings_first():
    lines = table(HEADINGS, ROWS, 75).splitlines()
    assert lines[0] == "| file                             |      size |    largest | accuracy |"
    assert lines[1] == "|                                  |           | difference |          |"
    assert len(lines) == 5


def test_a_table_that_does_not_fit_drops_the_column_of_the_lowest_priority_and_says_so():
    lines = table(HEADINGS, ROWS, 64).splitlines()
    assert lines[0] == "| file                             |      size | accuracy |"
    assert lines[-1] == "hidden columns (output too narrow): largest difference"
    assert "accuracy" in table(HEADINGS, ROWS, 48).splitlines()[0]


def test_words_in_cells_are_wrapped_and_figures_are_not():
    text = table(["recipe", "sizes"], [["best with the teacher edge.h5", "12 kB of 14 kB"]], 30)
    assert max(map(len, text.splitlines())) <= 30
    assert "| 12 kB of 14 kB |" in text


def test_prose_is_wrapped_at_words_on_a_terminal_alone(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    text = "a line of words that is long\nnext: edgecls camera --model nano"
    assert wrap_for(StringIO(), text) == text
    assert wrap_for(Terminal(), text) == (
        "a line of words that\n  is long\nnext: edgecls camera --model nano"
    )
    why = "next: edgecls bench nano   (to compare the files)"
    assert wrap_for(Terminal(), why) == "next: edgecls bench nano\n  (to compare the\n    files)"


def test_a_value_beside_its_name_is_wrapped_in_its_own_column(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    lines = wrap_for(Terminal(), "  labels   cat, dog, horse and others").splitlines()
    assert lines == ["  labels   cat, dog, horse and", "           others"]
    long = "sha256   " + "f" * 40
    assert wrap_for(Terminal(), long) == long  # not moved to a line of its own, where it would not fit
    digest = "sha256      " + "f" * 20
    assert wrap_for(Terminal(), digest).splitlines() == ["sha256", "    " + "f" * 20]


def test_the_word_that_a_line_begins_with_is_coloured_on_a_terminal_alone(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    text = "warning: hot\nedgecls: error: cold\nno warning: here"
    shown = "\033[33mwarning\033[0m: hot\nedgecls: \033[31merror\033[0m: cold\nno warning: here"
    assert wrap_for(Terminal(), text) == shown
    assert wrap_for(StringIO(), text) == text


def test_times_are_in_the_unit_that_people_use():
    assert [duration(seconds) for seconds in (0.4, 48, 720, 12_000)] == [
        "0 s",
        "48 s",
        "12 min",
        "3 h 20 min",
    ]


@pytest.mark.parametrize(
    ("stream", "environment", "shown"),
    [
        (Terminal(), {}, "\033[31merror\033[0m"),
        (StringIO(), {}, "error"),
        (Terminal(), {"NO_COLOR": "1"}, "error"),
        (Terminal(), {"TERM": "dumb"}, "error"),
    ],
    ids=["terminal", "pipe", "NO_COLOR", "dumb"],
)
def test_only_a_terminal_that_wants_it_gets_colour(monkeypatch, stream, environment, shown):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert paint("error", stream) == shown


def test_a_name_that_keeps_its_words_is_not_wrapped_but_a_column_goes():
    headings = [Heading("file", 1, keeps_words=True), Heading("p50", 1), Heading("p90", 0)]
    lines = table(headings, [["TFLite int8", "1.25", "1.50"]], width=25).splitlines()
    assert lines[2] == "| TFLite int8 | 1.25 |"
    assert lines[3] == "hidden columns (output too narrow): p90"


def test_characters_that_a_stream_lacks_become_escapes_or_look_alike(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    show_all_characters()
    sys.stdout.write("98.14 ± 2 °C: Ä 苹 \N{RED APPLE} \udcff\n")
    sys.stdout.flush()
    assert written.getvalue() == rb"98.14 +- 2 C: \u00c4 \u82f9 \ud83c\udf4e \udcff" + b"\n"
    assert json.loads(json_for_stdout('"±Ä"')) == "±Ä"
    assert encoded_for(sys.stdout, '"±Ä"') == rb'"\u00b1\u00c4"'
    assert encoded_for(None, "Ä\udcff") == "Ä".encode() + rb"\udcff"


def test_names_that_no_locale_decodes_are_readable():
    assert readable("Gr\udcc3\udcb6\udcc3\udc9fe") == "Größe"
    assert readable("a\udcff") == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(("count", "said"), [(0, "0 files"), (1, "1 file"), (1200, "1,200 files")])
def test_a_count_has_its_noun(count: int, said: str):
    assert counted(count, "file") == said


def test_of_a_long_reason_whole_words_stay_at_both_ends():
    words = [f"word{number}" for number in range(200)]
    first, last = one_reason(ValueError(" ".join(words))).split(" ... ")
    assert first.split() == words[: len(first.split())]
    assert last.split() == words[-len(last.split()) :]
    assert 250 < len(first) + len(last) < 300
    assert one_reason(KeyError()) == "KeyError"
