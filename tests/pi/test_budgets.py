"""How large a device's installation may be. The budget for the camera's memory is in test_commands.py."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.pi

WHEEL_BYTES = 16_000_000
INSTALLATION_BYTES = 345 * 2**20
"""As `du -m` counts it."""
_PIPS_OWN = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
"""What every virtual environment has."""


def test_the_wheel_is_small(wheel, record_property):
    record_property("the wheel", f"{wheel.stat().st_size / 1e6:.2f} MB")
    assert wheel.stat().st_size <= WHEEL_BYTES


def test_all_that_pip_installs_fits_its_budget(pi, record_property):
    installed = [path for path in pi.site_packages.iterdir() if not path.name.startswith(_PIPS_OWN)]
    size_bytes = sum(disk_use_bytes(path) for path in installed)
    record_property(f"installed on {pi.suite}", f"{size_bytes / 2**20:.0f} MB")
    assert size_bytes <= INSTALLATION_BYTES


def disk_use_bytes(path: Path) -> int:
    """Of a file, or of all files of a folder, in whole blocks."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.lstat().st_blocks * 512 for file in files)


@pytest.mark.parametrize("package", ["edgecls.edge_runtime", "edgecls.edge_runtime.classifier"])
def test_no_engine_is_loaded_before_a_model_is(pi, package, tmp_path):
    program = f"import sys, {package}; print(*sys.modules)"
    loaded = pi.run("python", "-c", program, work=tmp_path).stdout.split()
    assert package in loaded
    assert not {"ai_edge_litert", "onnxruntime"} & set(loaded)
