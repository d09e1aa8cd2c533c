"""What attacks on the page cost the camera loop, and whether a viewer with the token is served meanwhile."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

from edgecls.edge_runtime.text_table import table

_TOKEN = "a-token-for-the-attacks"  # noqa: S105 - of a page on loopback
_WARM_UP_S = 1.0
_VIEWER_TIMEOUT_S = 30.0
_LOOK_S = 0.1
"""Between two requests of the viewer."""


@dataclass(frozen=True)
class Frames:
    """How the loop fared for some seconds."""

    fps: float
    age_p50_ms: float
    age_p95_ms: float


@dataclass
class Views:
    """What a viewer got, each time by a new connection."""

    seconds: list[float] = field(default_factory=list)
    """Of each answer: the page, and then the picture with its state."""
    failed: int = 0


@dataclass(frozen=True)
class AttackResult:
    """One attack beside the time before it."""

    name: str
    before: Frames
    during: Frames
    attacks_per_s: float
    """Answered, or given up."""
    views: Views


def measure_attacks(
    names: list[str], rounds: int, seconds: float, model: str, on_step: Callable[[str], None]
) -> Iterator[AttackResult]:
    """Attacks the page of a real `edgecls camera`, and yields the result of each attack.

    Args:
        names: of `ATTACKS`.
        rounds: of each attack, with a rest before each; the best counts, as other programs run beside them.
        seconds: of each round, and of each rest.
        model: as `--model` takes it.
        on_step: called with what is done now.
    """
    for name in names:
        on_step(f"{name} ...")
        before: list[Frames] = []
        during: list[Frames] = []
        views, attacks = Views(), 0
        with _camera(model) as camera:
            for _ in range(rounds):
                camera.frames_of(_WARM_UP_S)
                before.append(camera.frames_of(seconds))
                with _attackers(name, camera.port) as attackers:
                    camera.frames_of(_WARM_UP_S)
                    with _viewer(camera.port, views):
                        during.append(camera.frames_of(seconds))
                    attacks += int(attackers.communicate()[0])
        attacks_per_s = attacks / rounds / (seconds + _WARM_UP_S)
        yield AttackResult(name, _best(before), _best(during), attacks_per_s, views)


def render(results: list[AttackResult]) -> str:
    """Returns a table: frame rate and age without and with each attack, and what the viewer got."""
    rows = [
        (
            result.name,
            f"{result.attacks_per_s:,.0f}",
            f"{result.before.fps:.1f} / {result.during.fps:.1f}",
            f"{result.during.fps / result.before.fps - 1:+.1%}" if result.before.fps else "-",
            f"{result.before.age_p50_ms:.1f} / {result.during.age_p50_ms:.1f}",
            f"{result.before.age_p95_ms:.1f} / {result.during.age_p95_ms:.1f}",
            f"{len(result.views.seconds):,}, {result.views.failed:,} failed",
            _times(result.views.seconds),
        )
        for result in results
    ]
    head = ("attack", "a second", "frames/s", "change", "age p50 ms", "age p95 ms", "viewer", "p50, most ms")
    return table(head, rows)


def _best(rounds: list[Frames]) -> Frames:
    """The least disturbed of several rounds, in each figure."""
    return Frames(
        max(each.fps for each in rounds),
        min(each.age_p50_ms for each in rounds),
        min(each.age_p95_ms for each in rounds),
    )


def _times(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.0f}, {max(seconds) * 1e3:.0f}" if seconds else "-"


class _Camera:
    """A camera with a page, whose lines of JSON are read as they come."""

    def __init__(self, stdout: IO[str], stderr: IO[str]) -> None:
        self._lock = threading.Lock()
        self._seen: list[tuple[float, float]] = []  # when a line came, and the age of its frame in ms
        said = next(line for line in stderr if line.startswith("page:"))
        self.port = urlsplit(said.split()[1]).port or 0
        threading.Thread(target=self._read, args=(stdout,), daemon=True).start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            seen = time.monotonic(), float(json.loads(line)["age_ms"])
            with self._lock:
                self._seen.append(seen)

    def frames_of(self, seconds: float) -> Frames:
        """Waits, and returns what came meanwhile."""
        with self._lock:
            first = len(self._seen)
        time.sleep(seconds)
        with self._lock:
            seen = self._seen[first:]
        ages_ms = sorted(age_ms for _, age_ms in seen)
        gaps_s = [after[0] - before[0] for before, after in pairwise(seen)]
        if not gaps_s:
            return Frames(0.0, 0.0, 0.0)
        fps = len(gaps_s) / sum(gaps_s)
        return Frames(fps, statistics.median(ages_ms), ages_ms[int(0.95 * len(ages_ms))])


@contextmanager
def _camera(model: str) -> Iterator[_Camera]:
    command = [sys.executable, "-m", "edgecls.cli", "camera", "--source", "demo", "--model", model]
    process = subprocess.Popen(
        [*command, "--json", "--headless", "--serve", "127.0.0.1:0"],
        env={**os.environ, "EDGECLS_TOKEN": _TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Camera(cast("IO[str]", process.stdout), cast("IO[str]", process.stderr))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _attackers(name: str, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", f"{__package__}.page_attackers", name, str(port)]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _viewer(port: int, views: Views) -> Iterator[None]:
    ended = threading.Event()
    viewer = threading.Thread(target=_view, args=(port, views, ended))
    viewer.start()
    try:
        yield
    finally:
        ended.set()
        viewer.join()


def _view(port: int, views: Views, ended: threading.Event) -> None:
    """Opens the page with the token, and then asks for picture and state with the cookie, again and again."""
    while not ended.wait(_LOOK_S):
        began_s = time.monotonic()
        try:
            headers, _ = _asked(port, f"/?token={_TOKEN}")
            cookie = headers["Set-Cookie"].partition(";")[0]
            _, content = _asked(port, "/live?viewer=one", Cookie=cookie)
            state, _, picture = content.partition(b"\n")
            if not (json.loads(state)["shot"] and picture.startswith(b"\xff\xd8")):
                raise ValueError("no picture")
        except (OSError, HTTPException, ValueError):
            views.failed += 1
        else:
            views.seconds.append(time.monotonic() - began_s)


def _asked(port: int, target: str, **headers: str) -> tuple[Message, bytes]:
    """Asks by a new connection; gives headers and content."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_VIEWER_TIMEOUT_S)
    with closing(connection):
        connection.request("GET", target, headers=headers)
        reply = connection.getresponse()
        return reply.headers, reply.read()
