"""Counts the instructions that a program executes in a userland: a figure that does not drift.

It knows no cycles, caches, memory or clock: two programs compare by it as far as they are alike in those.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .userland import Model, Userland

_SOURCE = Path(__file__).with_name("instructions.c")
_PLUGIN = "libinstructions.so"
_MARK = re.compile(r"^instructions (\d+)$", re.MULTILINE)


def count(
    userland: Userland, model: Model, program: Path, *arguments: object, work: Path, timeout_s: float = 600
) -> tuple[str, list[int]]:
    """Runs a Python program; returns its stdout, and the instructions it had executed at each of its marks.

    Args:
        userland: where it runs.
        model: on which processor.
        program: marks by `os.getpgid(0x5eed00)`, which raises ProcessLookupError. It must keep to one thread.
        arguments: of the program.
        work: see `Userland.command`.
        timeout_s: how long it may take.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    python = ["/opt/count/qemu-aarch64", "-plugin", f"/opt/count/{_PLUGIN}", "-0", "/opt/venv/bin/python"]
    command = userland.command(
        "PYTHONHASHSEED=0",  # the order of sets would change the figure
        *python,
        "/opt/venv/bin/python",
        f"/mnt/{program.name}",
        *arguments,
        work=work,
        model=model,
        counter=_counter(userland.cache),
    )
    shutil.copy(program, work)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise RuntimeError(f"{program.name} {' '.join(map(str, arguments))} on {model}: {said}")
    return done.stdout, [int(mark) for mark in _MARK.findall(done.stderr)]


def _counter(cache: Path) -> Path:
    """A folder with the dynamic QEMU, which takes plugins, and ours."""
    folder = cache / "count"
    folder.mkdir(exist_ok=True)
    qemu = shutil.which("qemu-aarch64")
    if not qemu:
        raise RuntimeError("counting needs the dynamic QEMU; run `apt install qemu-user`")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        command = ["gcc", "-O2", "-shared", "-fPIC", "-o", f"{made}/{_PLUGIN}", _SOURCE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{_SOURCE.name} cannot be compiled: {done.stderr.strip()[-300:]}")
        shutil.copy(qemu, made)
        # Another count may be running the files that are there: they are replaced, not written over.
        for file in Path(made).iterdir():
            file.replace(folder / file.name)
    return folder
