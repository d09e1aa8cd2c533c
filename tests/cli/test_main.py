"""What all commands share: the overview, help, completion, and mistakes on the command line."""

import os
import pty
import subprocess
import sys

import pytest

from ..edge_runtime.test_imports import COMMANDS


def test_the_overview_lists_every_command_on_a_line_of_its_own_within_80_columns(tmp_path, run_edgecls):
    done = run_edgecls("--help", cwd=tmp_path)
    lines = done.stdout.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in COMMANDS]
    assert listed == COMMANDS
    assert all(len(line) <= 80 for line in lines)
    for heading in ("Train and export:", "On the device:", "Model files:", "Options:", "Examples:"):
        assert heading in lines
    assert '"edgecls[train]"' in done.stdout
    assert "EDGECLS_SOURCE" in done.stdout


def test_without_a_command_the_overview_is_shown(tmp_path, run_edgecls):
    assert run_edgecls(cwd=tmp_path).stdout == run_edgecls("-h", cwd=tmp_path).stdout


def test_the_help_of_a_command_goes_by_help_too(tmp_path, run_here):
    assert run_here("help", cwd=tmp_path).stdout == run_here("--help", cwd=tmp_path).stdout
    for command in (("models",), ("service", "install")):
        asked = run_here("help", *command, cwd=tmp_path)
        assert asked.returncode == 0
        assert asked.stdout == run_here(*command, "--help", cwd=tmp_path).stdout
    assert run_here("help", "nothing", cwd=tmp_path).returncode == 2


def test_the_overview_imports_no_command(tmp_path):
    program = "import sys; from edgecls.cli.main import app; app(['--help'], standalone_mode=False)"
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.split()
    assert [name for name in COMMANDS if f"edgecls.cli.{name}" in loaded] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_fits_80_columns_and_shows_short_names_and_ends_of_ranges(tmp_path, run_edgecls, command):
    done = run_edgecls(command, "-h", cwd=tmp_path)
    assert done.returncode == 0
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "-h, --help" in done.stdout
    assert "range>" not in done.stdout
    assert "<=x" not in done.stdout
    examples = done.stdout.partition("\nExamples:\n")[2].splitlines()
    assert 2 <= len(examples) <= 4
    assert all(line.startswith(("  edgecls ", "  sudo edgecls ")) for line in examples)


def test_options_stand_in_their_groups(tmp_path, run_edgecls):
    shown = run_edgecls("train", "-h", cwd=tmp_path).stdout
    first, _, recipe = shown.partition("\nRecipe, piece by piece:\n")
    assert "--data" in first
    assert "--epochs" in recipe
    assert "--epochs" not in first


def test_a_group_alone_shows_its_help(tmp_path, run_edgecls):
    done = run_edgecls("service", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "install" in done.stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("edgecls tr", "train"),
        ("edgecls train --out", "--output"),
        ("edgecls service ", "install"),
        ("edgecls predict cat.jpg --model n", "nano"),
        ("edgecls camera --model my", "my.tflite"),
        ("edgecls verify ed", "edge"),
    ],
)
def test_the_shell_completes_commands_and_options(tmp_path, run_edgecls, words, completed):
    (tmp_path / "my.tflite").touch()
    position = str(words.count(" "))
    env = os.environ | {"_EDGECLS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": position}
    assert completed in run_edgecls(cwd=tmp_path, env=env).stdout.split()


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_errors_are_red_on_a_terminal_that_wants_colour(tmp_path, environment, coloured):
    main, terminal = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    done = subprocess.run(
        [sys.executable, "-m", "edgecls", "verify", "nothing.tflite"],
        cwd=tmp_path,
        env=env | environment,
        stderr=terminal,
        check=False,
    )
    os.close(terminal)
    said = os.read(main, 4096).decode()
    os.close(main)
    assert done.returncode == 66
    assert ("\x1b[31merror\x1b[0m: nothing.tflite" in said) == coloured
    assert ("edgecls: error: nothing.tflite" in said) != coloured


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["camra"], "No such command 'camra'. Did you mean 'camera'? See `edgecls --help`"),
        (["nonsense"], "No such command 'nonsense'; see `edgecls --help`"),
        (["--sorce"], "No such option: --sorce; see `edgecls --help`"),
        (
            ["verify", "--jsn"],
            "No such option: --jsn. Did you mean '--json'? See `edgecls verify --help`",
        ),
        (
            ["train", "--epochs", "two"],
            "Invalid value for '--epochs': 'two' is not a whole number; see `edgecls train --help`",
        ),
        (
            ["verify", "--threads", "0"],
            "Invalid value for '--threads': 0 is not in the range 1 to 1024; see `edgecls verify --help`",
        ),
        (
            ["train", "--imgsz", "4"],
            "Invalid value for '--imgsz': 4 is not in the range 8 to 1024; see `edgecls train --help`",
        ),
        (["verify", "--threads"], "Option '--threads' requires an argument; see `edgecls verify --help`"),
        (
            ["service", "status", "--nme"],
            "No such option: --nme. Did you mean '--name'? See `edgecls service status --help`",
        ),
    ],
)
def test_a_mistake_is_one_line_that_leads_to_the_help_of_a_real_command(
    tmp_path, run_edgecls, arguments, line
):
    done = run_edgecls(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"edgecls: error: {line}\n"
