"""What the tests of the commands share."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.cli.main import main


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Runs a command as `run_edgecls` does, but in this process, where TensorFlow is loaded once.

    What a command writes past Python, as `camera` and `predict` do, is not in its output.
    """

    def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = ["edgecls", *map(str, arguments)]
        with monkeypatch.context() as here:
            here.chdir(cwd)
            here.setattr(sys, "argv", command)
            with pytest.raises(SystemExit) as ended:
                main()
        return subprocess.CompletedProcess(command, ended.value.code or 0, *capsys.readouterr())

    return run
