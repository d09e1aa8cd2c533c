"""What the tests share: one tiny model trained and exported once, and the command run as a real process."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.colours", "tests.data_sets", "tests.quick"]
_STATUS = pytest.StashKey[int]()
_SLOW_S = 3600
"""After so many seconds a test that is `slow` or `pi` has failed; for others, pyproject.toml says so."""
_STDOUT, _STDERR = "train.stdout", "train.stderr"


@dataclass(frozen=True)
class TinyModel:
    """A documented CNN trained on digits for a few epochs, and what was exported from it."""

    folder: Path
    dataset: object
    """`trainer.data.Dataset`."""

    @property
    def h5(self) -> Path:
        return self.folder / "image_classification.h5"

    @property
    def said(self) -> tuple[str, str]:
        """What `edgecls -q train`, a process of its own, wrote to stdout and to stderr."""
        return (self.folder / _STDOUT).read_text(), (self.folder / _STDERR).read_text()

    @property
    def parity(self) -> str:
        """What `edgecls export --int8 --json` wrote."""
        return (self.folder / "parity.json").read_text()

    @property
    def files(self) -> tuple[Path, ...]:
        names = (".tflite", ".onnx", "_int8.tflite", "_int8.onnx")
        return tuple(self.folder / f"image_classification{name}" for name in names)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak-minutes", type=float, default=30, help="how long tests/soak breaks the camera")
    parser.addoption("--keep-models", type=Path, help="copy the tiny model and its exports to this folder")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets `-m timed` select its tests, gives slow ones more time, and orders the files for two workers."""
    needs_tiny: dict[Path, bool] = {}
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "runs_alone" in names:
            item.add_marker("timed")
        is_slow = any(map(item.get_closest_marker, ("slow", "pi")))
        if is_slow and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW_S))
        needs_tiny[item.path] = needs_tiny.get(item.path, False) or "tiny" in names
    first = next((path for path, needs in needs_tiny.items() if needs), None)
    # One worker makes the tiny model while the other runs what does without; the shortest files come last.
    items.sort(key=lambda item: (item.path != first, needs_tiny[item.path], _is_short(item.path)))


def _is_short(path: Path) -> bool:
    return "edge_runtime" in path.parts


def pytest_configure() -> None:
    """Under nohup, or on a build server, our children would inherit a SIGHUP that is ignored."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leaves without the destructors of native libraries, after all has been reported.

    This process holds TensorFlow, LiteRT, onnxruntime, OpenCV and HDF5 at once, as no command does, and once
    crashed when all was done (a jump to address 0x50): the tests' own result shall be the exit status. It was
    seen once only. Without this hook, under faulthandler, the tests of `benchmarks` alone, and those of
    `export` and `edge_runtime` in one process, ended normally. A suspect is libhdf5, which crashed once (in
    3 runs) while a hostile .h5 was closed here: test_h5_content.py, after trainer and export.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if config.stash.get(_STATUS, None) is not None:
        os._exit(config.stash[_STATUS])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


def _run_edgecls(*args: object, cwd: Path, env: dict[str, str] | None = None, timeout: float = 900):
    """Runs the command line as a real process; stdout and stderr are text."""
    return subprocess.run(
        [sys.executable, "-m", "edgecls.cli", *map(str, args)],
        cwd=cwd,
        env=env,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def run_edgecls():
    return _run_edgecls


@pytest.fixture(scope="session")
def runs_alone(request: pytest.FixtureRequest) -> bool:
    """Whether nothing else runs meanwhile (`make test-timing`), so that times and rates can be checked."""
    return "timed" in request.config.option.markexpr


@pytest.fixture(scope="session")
def within(runs_alone: bool) -> Callable[[float], AbstractContextManager[None]]:
    """Limits how long a block may take, in seconds: `with within(3): ...`.

    The limit is checked by `make test-timing` only, which runs one test at a time. In `make test`, which runs
    beside other work, the block has to end, however long that takes.
    """

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        start_s = time.monotonic()
        yield
        took_s = time.monotonic() - start_s
        assert not runs_alone or took_s < seconds, f"took {took_s:.2f} s; the limit is {seconds:g} s"

    return limit


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keeps the tests out of the user's cache, state and settings; commands that they run inherit that."""
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("EDGECLS_PI_CACHE", str(users / "edgecls" / "pi"))
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("settings"))


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 4 MB of its own, to be filled."""
    yield from _mounted(tmp_path_factory.mktemp("small"), "-t", "tmpfs", "-o", "size=4m", "tmpfs")


@pytest.fixture
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Path]]:
    """Shows a folder at another place where nobody, not even root, may write."""
    with ExitStack() as stack:

        def show(folder: Path) -> Path:
            place = tmp_path_factory.mktemp("read-only")
            return stack.enter_context(contextmanager(_mounted)(place, "--bind", "-o", "ro", str(folder)))

        yield show


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real browser without a window, steered by selenium; its console's log is kept."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("no Chromium with its driver: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium has none for root
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def _mounted(place: Path, *arguments: str) -> Iterator[Path]:
    done = subprocess.run(["mount", *arguments, place], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs root to mount a disk: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.fixture(scope="session")
def tiny(made_once: Callable[..., Path], request: pytest.FixtureRequest) -> TinyModel:
    """Trains and exports by the commands themselves, once for all tests. Tests copy what they change."""
    from edgecls.data.load import load_dataset
    from edgecls.edge_runtime.images.rule import ImageRule

    def make(folder: Path) -> None:
        _make_tiny(folder)
        keep = request.config.getoption("--keep-models")
        if keep:
            shutil.copytree(folder, keep, dirs_exist_ok=True)

    folder = made_once("tiny", make)
    return TinyModel(folder, load_dataset("digits", ImageRule(32, 32), seed=0))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Gives a folder that one worker fills, by the function it is given, and all read."""

    def give(name: str, make: Callable[[Path], None]) -> Path:
        everyones = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            everyones = everyones.parent  # each worker has a folder of its own in it
        folder = everyones / name
        with (everyones / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one worker makes it, the others wait
            if not folder.exists():
                made = tmp_path_factory.mktemp(f"making-{name}")
                make(made)
                made.rename(folder)
        return folder

    return give


def _make_tiny(folder: Path) -> None:
    trained = _run_edgecls("-q", "train", "--data", "digits", "--epochs", 4, cwd=folder)
    assert trained.returncode == 0, trained.stderr
    (folder / _STDOUT).write_text(trained.stdout)
    (folder / _STDERR).write_text(trained.stderr)
    from edgecls.cli.main import app

    # In this process: the tests that want the model load TensorFlow anyway.
    model = str(folder / "image_classification.h5")
    app(["export", "--int8", model, "--json", str(folder / "parity.json")], standalone_mode=False)
