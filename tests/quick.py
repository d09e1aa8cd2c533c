"""`make quick`: skips every test that starts a process or loads TensorFlow, at the moment when it does."""

import sys

import pytest

_STARTS_A_PROCESS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}
_HEAVY_PACKAGES = {"jax", "ray", "tensorflow", "torch"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="only tests that start no process and load no TensorFlow"
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    runs_tests = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
    if config.getoption("--quick") and runs_tests:
        sys.addaudithook(_skip_what_is_slow)


def _skip_what_is_slow(event: str, arguments: tuple[object, ...]) -> None:
    """Raises what no `except Exception` catches, in the test or while its module is imported."""
    if event in _STARTS_A_PROCESS:
        raise pytest.skip.Exception("starts a process", allow_module_level=True)
    name = str(arguments[0]) if event == "import" else ""
    if name.startswith("multiprocessing.popen_"):
        raise pytest.skip.Exception("starts a process", allow_module_level=True)
    if name.partition(".")[0] in _HEAVY_PACKAGES:
        raise pytest.skip.Exception(f"loads {name}", allow_module_level=True)
