"""Names the packages of the wheel; everything else stands in pyproject.toml.

The folders stand at the top of the repository and install as `edgecls.trainer` and so on. `edgecls/` holds a
link to each, so that an editable install is one line of a .pth file, which editors and type checkers follow.
A checkout without links (Windows, a downloaded zip) takes the folders from where they are.
"""

from pathlib import Path

from setuptools import find_packages, setup

FOLDERS = ("cli", "trainer", "data", "export", "edge_runtime", "benchmarks", "sweep")

root = Path(__file__).parent
packages = {"edgecls": "edgecls"}
for folder in FOLDERS:
    for name in ("", *(f".{inner}" for inner in find_packages(str(root / folder)))):
        packages[f"edgecls.{folder}{name}"] = f"{folder}{name}".replace(".", "/")
linked = all((root / "edgecls" / folder).is_dir() for folder in FOLDERS)
setup(packages=list(packages), package_dir={"": "."} if linked else packages)
