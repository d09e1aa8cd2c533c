"""What all commands share: the overview, and mistakes on the command line."""

import pytest


def test_the_overview_shows_every_summary_whole_on_80_columns(tmp_path, run_edgecls):
    done = run_edgecls("--help", cwd=tmp_path)
    listed, _, epilog = done.stdout.partition("Commands:\n")[2].partition("\n\n")
    commands = listed.splitlines()
    assert len(commands) >= 8
    assert '"edgecls[train]"' in epilog
    assert all(len(line) <= 80 and line.endswith(".") and not line.endswith("...") for line in commands)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["camra"], "No such command 'camra'. Did you mean 'camera'? See `edgecls --help`"),
        (["nonsense"], "No such command 'nonsense'; see `edgecls --help`"),
        (["--sorce"], "No such option: --sorce; see `edgecls --help`"),
        (
            ["verify", "--jsn"],
            "No such option: --jsn (Possible options: --json); see `edgecls verify --help`",
        ),
        (["verify", "--threads"], "Option '--threads' requires an argument; see `edgecls verify --help`"),
    ],
)
def test_a_mistake_is_one_line_that_leads_to_the_help_of_a_real_command(
    tmp_path, run_edgecls, arguments, line
):
    done = run_edgecls(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"edgecls: error: {line}\n"
