"""The emulated Raspberry Pis with the wheel installed, and a folder as a user has it there."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from edgecls.edge_runtime.images.opencv import cv2
from tests.pi.building import build, build_wheel
from tests.pi.host import lacking
from tests.pi.userland import SUITES, Userland, cache_folder

FRAMES = 6
"""Of the video."""

RunEdgecls = Callable[..., CompletedProcess[str]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what was measured against a budget, also where it is kept."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for name, measured in (found for report in reports for found in report.user_properties):
        terminalreporter.write_line(f"measured: {name}: {measured}")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if why := lacking():
        pytest.skip(why)
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def builds(request: pytest.FixtureRequest, wheel: Path) -> Iterator[dict[str, Future[Userland]]]:
    """All userlands that the chosen tests need, side by side: installing under QEMU keeps one core busy."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    suites = {call.params["pi"] for call in calls if call and "pi" in call.params}
    with ThreadPoolExecutor() as pool:
        yield {suite: pool.submit(_built, suite, wheel) for suite in suites}


def _built(suite: str, wheel: Path) -> Userland:
    userland = Userland(suite, cache_folder())
    build(userland, wheel)
    return userland


@pytest.fixture(scope="session", params=SUITES)
def pi(request: pytest.FixtureRequest, builds: dict[str, Future[Userland]]) -> Userland:
    return builds[request.param].result()


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    """The four exported files, a digit as a picture, and some as a video."""
    for path in tiny.files:
        shutil.copy(path, tmp_path)
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for image in tiny.dataset.test.images[:FRAMES]:
        writer.write(cv2.resize(image[..., ::-1], (320, 240), interpolation=cv2.INTER_CUBIC))
    writer.release()
    cv2.imwrite(str(tmp_path / "digit.png"), tiny.dataset.test.images[0][..., ::-1])
    return tmp_path


@pytest.fixture
def run_on_pi(pi: Userland, folder: Path) -> RunEdgecls:
    """Runs the installed `edgecls` in the folder, on a Pi; `ok=False` where it is to fail."""

    def run(*arguments: object, ok: bool = True, **options) -> CompletedProcess[str]:
        done = pi.run("edgecls", *arguments, work=folder, **options)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done

    return run
