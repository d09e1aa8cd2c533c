"""Programs of `--on LABEL run:COMMAND`: found at the start, and not when somebody stands at the door."""

import shutil
from pathlib import Path

from ...errors import MissingInput, PermissionRefused
from .rules import CommandAction


def check_command(action: CommandAction, name: str, path: str | None = None) -> Path:
    """Finds the program of a command.

    Args:
        action: the command.
        name: what messages call it.
        path: where programs are looked for, as in PATH; None: there.

    Raises:
        MissingInput: there is no such program.
        PermissionRefused: it is no program, or not executable.
    """
    program = action.words[0]
    found = shutil.which(program, path=path)
    if found:
        return Path(found)
    if "/" in program and Path(program).exists():
        remedy = "name a program" if Path(program).is_dir() else f"run `chmod +x {program}`"
        raise PermissionRefused(f"--on {name}: {program}: not executable; {remedy}")
    is_line = " " in program
    remedy = "leave its quotes out" if is_line else "install it, or write its whole path"
    raise MissingInput(f"--on {name}: {program}: no such program; {remedy}")
