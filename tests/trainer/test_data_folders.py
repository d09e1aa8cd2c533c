import os
from pathlib import PurePosixPath
from threading import Timer

import pytest
from edgecls.edge_runtime.errors import BadData
from edgecls.trainer.data_folders import open_folder


def test_all_below_is_listed(cats_and_dogs):
    store = open_folder(cats_and_dogs)
    assert len(store.files) == 12
    assert set(map(str, store.folders)) == {".", "cat", "dog"}
    assert store.read(PurePosixPath("cat/000.png")) == (cats_and_dogs / "cat" / "000.png").read_bytes()


def test_linked_folders_are_followed_but_never_in_a_circle(cats_and_dogs, tmp_path, write_images):
    write_images(tmp_path / "elsewhere", 3)
    (cats_and_dogs / "owl").symlink_to(tmp_path / "elsewhere")
    (cats_and_dogs / "cat" / "up").symlink_to(cats_and_dogs)
    files = set(map(str, open_folder(cats_and_dogs).files))
    assert "owl/000.png" in files
    assert len(files) == 15


def test_a_pipe_is_not_waited_for(cats_and_dogs):
    pipe = cats_and_dogs / "cat" / "pipe"
    os.mkfifo(pipe)
    ends = Timer(5, lambda: os.close(os.open(pipe, os.O_RDWR)))  # so that this test fails and does not hang
    ends.start()
    with pytest.raises(BadData, match=r"cat/pipe: not a file"):
        open_folder(cats_and_dogs).read(PurePosixPath("cat/pipe"))
    ends.cancel()


def test_names_in_any_script_and_undecodable_ones_can_be_read(tmp_path):
    folder = os.fsencode(tmp_path) + "/пёс 犬".encode()
    os.mkdir(folder)  # noqa: PTH102 - pathlib does not take bytes
    with open(folder + b"/\xff.bin", "wb") as file:  # noqa: PTH123
        file.write(b"content")
    store = open_folder(tmp_path)
    (path,) = store.files
    assert path.parts[0] == "пёс 犬"
    assert store.read(path) == b"content"
