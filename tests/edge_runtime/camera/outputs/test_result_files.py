"""Result files: one writer of a table at a time, and pictures of several at once."""

import csv
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.result_files import CsvFile, PictureFolder
from edgecls.edge_runtime.errors import BadConfiguration
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import answer, picture

CAT = Prediction((("cat", 0.9),), "cat")


def test_a_table_has_one_writer_at_a_time(tmp_path: Path):
    """The last of two would throw away the rows of the first."""
    path = tmp_path / "new" / "answers.csv"
    table = CsvFile(path)
    with pytest.raises(BadConfiguration, match=r"answers\.csv: another edgecls is writing it"):
        CsvFile(path)
    table.write(answer(Frame(picture(), 1, 0.0, "a.png"), CAT))
    table.close()
    CsvFile(tmp_path / "others.csv").close()
    assert [row["image"] for row in csv.DictReader(path.open())] == ["a.png"]
    assert [file.name for file in path.parent.iterdir()] == ["answers.csv"]


def test_several_may_write_pictures_into_one_folder(tmp_path: Path):
    folders = [PictureFolder(tmp_path) for _ in range(2)]
    for number, folder in enumerate(folders):
        folder.write(answer(Frame(picture(), 1, 0.0, f"{number}.png"), CAT))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0.png", "1.png"]
