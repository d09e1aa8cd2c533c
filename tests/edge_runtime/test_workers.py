import os
from pathlib import Path

import pytest

from edgecls.edge_runtime.errors import BadModel, MissingInput
from edgecls.edge_runtime.limits import MEMORY_BYTES, MEMORY_FACTOR
from edgecls.edge_runtime.workers import ask_worker


@pytest.fixture
def readers(monkeypatch):
    """Makes `hostile_readers` a module that the child finds too."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder, prepend=os.pathsep)
    import hostile_readers

    return hostile_readers


def test_the_answer_comes_back(readers):
    content = bytes(range(256)) * 1000
    assert ask_worker(readers.count, content, "a.onnx") == {"name": "a.onnx", "bytes": 256_000}


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        ("crash", "cannot be read: the parser was ended by SIGSEGV"),
        ("abort", "cannot be read: the parser was ended by SIGABRT"),
        ("leave", "cannot be read: the parser ended with exit code 3 (the last words)"),
        ("stumble", "cannot be read: ZeroDivisionError: a parser's own error of two lines"),
        ("hog", "reading it takes more than 192 MB of memory"),
    ],
)
def test_whatever_a_parser_does_is_one_line_about_the_file(readers, reader: str, reason: str):
    with pytest.raises(BadModel) as raised:
        ask_worker(getattr(readers, reader), b"", "theirs.tflite")
    assert str(raised.value).startswith(f"theirs.tflite: {reason}; ")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 65


def test_it_may_take_more_memory_as_far_as_it_was_allowed(readers):
    def taken(asked: int, most: int) -> int:
        wanted = {"asked": asked, "taken": 300 * 2**20}
        return ask_worker(readers.grow, b"", "a.onnx", more_bytes=most, arguments=wanted)

    assert taken(2**30, 2**29) == 300 * 2**20
    with pytest.raises(
        BadModel, match=r"a\.onnx: reading it takes more than 292 MB of memory; take a smaller"
    ):
        taken(100 * 2**20, 2**29)
    with pytest.raises(BadModel, match="more than 256 MB"):
        taken(2**30, 2**26)


def test_a_parser_that_hangs_is_ended_and_not_called_damaged_as_it_had_no_processor(readers, within):
    hangs = r"a\.h5: reading it took more than 1\.5 s, of which it had the processor for 0 s; try again"
    with within(10), pytest.raises(BadModel, match=hangs):
        ask_worker(readers.hang, b"", "a.h5", time_s=1.5)


def test_an_error_of_ours_keeps_its_class_and_words(readers):
    with pytest.raises(MissingInput, match=r"^a\.h5: not here; look elsewhere$"):
        ask_worker(readers.refuse, b"", "a.h5")


def test_what_libraries_print_is_neither_the_answer_nor_shown(readers, capfd):
    assert ask_worker(readers.chatter, b"", "a.h5") == "the answer"
    assert capfd.readouterr() == ("", "")


def test_the_limits_grow_with_the_file_and_no_core_is_dumped(readers):
    content = bytes(10_000_000)
    limits = ask_worker(readers.limits, content, "a.h5", time_s=7)
    assert limits == {"data": MEMORY_BYTES + MEMORY_FACTOR * len(content), "core": 0, "cpu": 8}


def test_a_folder_where_the_user_stands_is_not_imported(readers, tmp_path: Path, monkeypatch):
    (tmp_path / "resource.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    assert ask_worker(readers.count, b"ab", "a.h5")["bytes"] == 2
