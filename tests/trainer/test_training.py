from pathlib import Path

import pytest
from edgecls.edge_runtime.errors import MissingInput, UsageError
from edgecls.edge_runtime.image import ImageRule
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.training import Training


def test_a_network_is_not_written_over_its_teacher(tmp_path, monkeypatch):
    (tmp_path / "big.h5").touch()
    monkeypatch.chdir(tmp_path)
    training = Training("digits", Path("big.h5"), ImageRule(32, 32), Recipe(teacher=str(tmp_path / "big.h5")))
    with pytest.raises(UsageError, match=r"^--output big.h5: is the teacher itself; choose another name$"):
        training.check()


def test_nothing_to_go_on_with_is_told_before_anything_is_read(tmp_path):
    training = Training("digits", tmp_path / "model.h5", ImageRule(32, 32), Recipe())
    training.check()
    with pytest.raises(MissingInput, match="there is no training to go on with; leave --resume out"):
        training.check(resume=True)
