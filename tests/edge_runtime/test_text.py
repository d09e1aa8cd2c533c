import pytest

from edgecls.edge_runtime.text import printable


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
