"""`python -m tools.mutation`: breaks a sample of the code in a copy of the repository, once for each change.

Not mutmut 3.8: it leaves decorated functions as they are, so every context manager, and code outside of
functions. Not cosmic-ray 8.7: it edits the files in place and leaves out no statement. Neither draws a sample
by a seed.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from .changes import Change, changes_of, sample
from .rooms import EQUIVALENT, ROOMS, Room

_ROOT = Path(__file__).parents[2]
_HANGS_S = 120
"""A test that takes so long has noticed: none takes a tenth of it."""
_ROOM_S = 900
"""For all tests of a room."""


@dataclass(frozen=True)
class Outcome:
    """What the tests said of one change."""

    room: str
    change: Change
    killed_by: str
    """The test that failed first; empty: none did."""
    took_s: float


class Copy:
    """A copy of what git knows of the repository, where one change at a time is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = int(time.time()) - 1_000_000
        for name in _known_to_git():
            source, place = _ROOT / name, folder / name
            if source.is_symlink() or source.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place, follow_symlinks=False)

    def first_failure(self, room: Room, change: Change | None) -> str:
        """Returns the test that notices the change, or an empty text."""
        if change is None:
            return self._run(room)
        module = self._folder / change.module
        whole = module.read_bytes()
        try:
            self._write(module, change.apply(whole))
            return self._run(room)
        finally:
            self._write(module, whole)

    def _write(self, module: Path, content: bytes) -> None:
        """Writes it with a time of its own, by which Python knows its compiled form."""
        self._clock += 1
        module.write_bytes(content)
        os.utime(module, (self._clock, self._clock))

    def _run(self, room: Room) -> str:
        arguments = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-rfE", f"--timeout={_HANGS_S}"]
        # A new one each time: a test that is killed may leave a disk mounted in it.
        arguments.append(f"--basetemp={self._folder / f'tmp{self._clock}'}")
        command = [sys.executable, "-m", "pytest", *arguments, "-p", "tools.mutation.without_tiny"]
        environment = os.environ | {"PYTHONPATH": str(self._folder)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with subprocess.Popen(
            [*command, *room.tests],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=_ROOM_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"no end in {_ROOM_S} s"
        if process.returncode == 0:
            return ""
        failed = [line.split(" - ")[0] for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0] if failed else f"pytest ended with {process.returncode}: {said.strip()[-200:]}"


def _known_to_git() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout.split("\0")[
        :-1
    ]


def every_change(room: str) -> list[Change]:
    """Returns every change of a room."""
    modules = [f"edge_runtime/{name}" for name in ROOMS[room].modules]
    return [change for module in modules for change in changes_of(module, (_ROOT / module).read_bytes())]


def chosen(room: str, count: int, seed: int) -> list[Change]:
    """Returns the sample of a room, without the changes that nobody could notice."""
    drawn = sample(every_change(room), count, f"{seed} {room}")
    return [change for change in drawn if change.key not in EQUIVALENT]


def run(rooms: list[str], count: int, seed: int, jobs: int) -> list[Outcome]:
    """Breaks `count` places of each room, `jobs` at a time; prints each that no test noticed."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(jobs) as workers,
    ):
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(jobs):
            copies.put(Copy(Path(folder) / str(number)))

        def try_one(room: str, change: Change | None) -> Outcome | None:
            copy, started_s = copies.get(), time.monotonic()
            try:
                killed_by = copy.first_failure(ROOMS[room], change)
            finally:
                copies.put(copy)
            if change is None:
                if killed_by:
                    sys.exit(f"tools.mutation: error: {room}: fails without any change: {killed_by}")
                return None
            outcome = Outcome(room, change, killed_by, time.monotonic() - started_s)
            _show(outcome)
            return outcome

        tasks = [(room, change) for room in rooms for change in (None, *chosen(room, count, seed))]
        return [outcome for outcome in workers.map(lambda task: try_one(*task), tasks) if outcome]


def _show(outcome: Outcome) -> None:
    change = outcome.change
    what = f"killed by {outcome.killed_by.rpartition('::')[2]}" if outcome.killed_by else "LIVES"
    print(f"{change.module}:{change.line} ({outcome.took_s:.0f} s) {what}", flush=True)
    if not outcome.killed_by:
        print(f"    - {change.before}\n    + {change.after}", flush=True)


def report(outcomes: list[Outcome]) -> str:
    """Returns a line for each room and one for all of them."""
    lines: list[str] = []
    for room in (*dict.fromkeys(outcome.room for outcome in outcomes), ""):
        of_it = [outcome for outcome in outcomes if room in ("", outcome.room)]
        killed = sum(1 for outcome in of_it if outcome.killed_by)
        lines.append(f"{room or 'all':12} {killed:4} of {len(of_it):4}  {killed / len(of_it):4.0%}")
    return "\n".join(lines)


def main() -> int:
    """Runs what the command line asks for; returns 1 if too many changes go unnoticed."""
    parser = argparse.ArgumentParser("python -m tools.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=9, help="changes in each room (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="draws the sample (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="changes at a time (default: %(default)s)")
    parser.add_argument("--least", type=float, default=0.85, help="fails below (default: %(default)s)")
    parser.add_argument("--room", action="append", choices=list(ROOMS), help="only this one; may be repeated")
    arguments = parser.parse_args()
    outcomes = run(arguments.room or list(ROOMS), arguments.count, arguments.seed, arguments.jobs)
    print(report(outcomes))
    killed = sum(1 for outcome in outcomes if outcome.killed_by)
    return int(killed < arguments.least * len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
