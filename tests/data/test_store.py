import os
import subprocess
import sys
from pathlib import PurePosixPath
from threading import Timer

import pytest

from edgecls.data.layout import find_layout
from edgecls.data.load import load_dataset
from edgecls.data.store import open_folder
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.rule import ImageRule


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


@pytest.mark.parametrize(("link", "target"), [("ocean", "cat"), ("a", "dog"), ("b", "../elsewhere")])
def test_a_link_to_a_folder_seen_before_is_a_class_as_well(cats_and_dogs, write_images, link, target):
    write_images(cats_and_dogs.parent / "elsewhere", 3)
    (cats_and_dogs / link).symlink_to(target)
    layout = find_layout(open_folder(cats_and_dogs))
    assert layout.labels == tuple(sorted(("cat", "dog", link)))
    same = [f"warning: {' and '.join(f'{name}/' for name in sorted((link, target)))} are the same folder"]
    assert [note.partition(",")[0] for note in layout.notes] == ([] if "elsewhere" in target else same)


def test_folders_that_link_to_each_other_are_listed_a_few_times_only(tmp_path):
    for name in "abcdef":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(b"x")
        for other in "abcdef":
            (tmp_path / name / f"to_{other}").symlink_to(tmp_path / other)
    assert len(open_folder(tmp_path).files) < 2000


def test_links_to_files_are_followed_and_those_to_nothing_are_named(cats_and_dogs, tmp_path):
    (cats_and_dogs / "cat" / "linked.png").symlink_to("../dog/000.png")
    (cats_and_dogs / "owl").symlink_to(tmp_path / "nowhere")
    (cats_and_dogs / "self").symlink_to("self")
    store = open_folder(cats_and_dogs)
    assert len(store.files) == 13
    assert store.notes == (
        f"warning: left out owl: a link to {tmp_path}/nowhere, which is not there",
        "warning: left out self: a link to self, which is not there",
    )


def test_where_links_lead_nowhere_the_error_says_so(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).symlink_to("/nowhere")
    with pytest.raises(
        BadData, match=r"no class folders with images \(cat: a link to /nowhere, which is not there\)"
    ):
        load_dataset(str(tmp_path), ImageRule(16, 16), 0)


def test_folders_that_may_not_be_read_are_named_and_the_others_used(cats_and_dogs):
    """In a process of its own: root may read anything."""
    closed = [cats_and_dogs / name for name in ("lost+found", "secret", "cat/private")]
    for folder in closed:
        folder.mkdir()
        folder.chmod(0)
    for folder in (cats_and_dogs, *cats_and_dogs.parents[:-1]):
        if folder.stat().st_uid == os.geteuid() and folder.is_relative_to("/tmp"):  # noqa: S108
            folder.chmod(folder.stat().st_mode | 0o055)
    program = f"""
import os
from pathlib import Path
from edgecls.data.layout import find_layout
from edgecls.data.store import open_folder
if os.geteuid() == 0:
    os.seteuid(65534)
layout = find_layout(open_folder(Path({str(cats_and_dogs)!r})))
print(layout.labels, *layout.notes, sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "('cat', 'dog')",
        "warning: left out cat/private/: permission denied",
        "warning: left out secret/: permission denied",
        "left out 1 hidden or system file or folder: lost+found",
    ], done.stderr


def test_names_are_utf_8_in_any_locale(cats_and_dogs):
    (cats_and_dogs / "cat").rename(cats_and_dogs / "größe")
    program = f"""
import sys
from pathlib import Path
from edgecls.data.layout import find_layout
from edgecls.data.store import open_folder
store = open_folder(Path({str(cats_and_dogs)!r}))
assert sys.getfilesystemencoding() == "ascii"
assert all(map(store.read, store.files))
print(ascii(find_layout(store).labels))
"""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=False)
    assert done.stdout.decode().strip() == r"('dog', 'gr\xf6\xdfe')", done.stderr.decode()
