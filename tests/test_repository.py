"""What must stay true of the repository as a whole: the README's tree, and what the wheel would hold."""

import subprocess
import sys
import tomllib
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


def test_names_and_versions_are_all_that_the_constraints_hold():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        assert equals, line
        assert name
        assert version
        assert "/" not in line
