"""What must stay true of the repository as a whole: the README's tree, and what the wheel would hold."""

import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_readmes_tree_is_that_of_the_modules(tmp_path):
    program = "import runpy, sys; tree = runpy.run_path(sys.argv[1]); print(tree['tree'](), end='')"
    done = subprocess.run(
        [sys.executable, "-c", program, ROOT / "docs" / "tree.py"], capture_output=True, text=True, check=True
    )
    assert done.stdout in (ROOT / "README.md").read_text(), "run `python docs/tree.py`"


def test_every_folder_with_modules_is_a_package_of_the_wheel():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    named = {name.removeprefix("edgecls.").replace(".", "/") for name in setuptools["packages"]}
    files = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    folders = {str(Path(file).parent) for file in files if not file.startswith(("tests/", "docs/", "."))}
    assert folders == named
    assert {name.removeprefix("edgecls.").replace(".", "/") for name in setuptools["package-dir"]} == named
    for folder in folders:
        assert (ROOT / folder / "__init__.py").exists()


def test_what_goes_into_the_wheel_is_small():
    """`make test-pi` measures the wheel itself; this is nearly the same, at no cost."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as wheel:
        for package, folder in setuptools["package-dir"].items():
            for pattern in ["*.py", *setuptools["package-data"].get(package, [])]:
                for file in (ROOT / folder).glob(pattern):
                    wheel.write(file, file.relative_to(ROOT))
    assert held.tell() <= 3_000_000


def test_the_models_in_the_box_go_into_the_wheel_and_into_git():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setuptools["package-data"]["edgecls.edge_runtime"]
    packed = {file for pattern in patterns for file in (ROOT / "edge_runtime").glob(pattern)}
    box = {path for path in (ROOT / "edge_runtime" / "models").rglob("*") if path.is_file()}
    assert len(box) == 4
    assert box <= packed
    ignored = subprocess.run(["git", "check-ignore", *box], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    assert ignored.stdout == b""


def test_names_and_versions_are_all_that_the_constraints_hold():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        assert equals, line
        assert name
        assert version
        assert "/" not in line
