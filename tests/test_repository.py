"""What must stay true of the repository as a whole: who imports whom, and what the wheel holds."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


ORDER = ("cli", "sweep", "benchmarks", "export", "trainer", "data", "edge_runtime")
"""Who may import whom: only folders further to the right. `export` and `trainer` are siblings."""
SIBLINGS = {("export", "trainer"), ("sweep", "trainer"), ("benchmarks", "trainer")}


def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    found = {}
    for folder in ORDER:
        for path in (ROOT / folder).rglob("*.py"):
            parts = ("edgecls", *path.relative_to(ROOT).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {
                f"{module}.{alias.name}" if f"{module}.{alias.name}" in known else module
                for alias in node.names
            }
    return found & known - {name}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other: what is left when all that imports nothing left is gone."""
    left = dict(arrows)
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    return [sorted(left)] if left else []


def test_no_module_imports_itself_in_a_circle():
    found = modules()
    # A package's face imports what it offers, lazily; what imports the face is not in a circle for it.
    arrows = {
        name: imports(name, path, set(found)) if path.name != "__init__.py" else set()
        for name, path in found.items()
    }
    assert not circles(arrows)
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [["a", "b", "c"]]


def test_folders_import_only_those_below_them():
    found = modules()
    against = []
    for name, path in found.items():
        folder = name.split(".")[1]
        for target in imports(name, path, set(found)):
            other = target.split(".")[1]
            upward = ORDER.index(other) < ORDER.index(folder)
            if upward or (folder, other) in SIBLINGS:
                against.append(f"{name} imports {target}")
    assert not against


def test_no_class_name_stands_for_two_things():
    places: dict[str, list[str]] = {}
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def wheel_of(folder: Path) -> zipfile.ZipFile:
    """The wheel, built as `pip install .` builds it, from a copy of what git tracks."""
    copy = folder / "checkout"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for file in files:
        source, place = ROOT / file, copy / file
        if not (source.is_symlink() or source.exists()):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, copy],
        capture_output=True,
        check=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return wheel_of(tmp_path_factory.mktemp("wheel"))


def test_every_module_is_in_the_wheel_and_nothing_else(wheel):
    packed = {name for name in wheel.namelist() if name.endswith(".py")}
    expected = {f"edgecls/{path.relative_to(ROOT).as_posix()}" for path in modules().values()} | {
        f"edgecls/{path.name}" for path in (ROOT / "edgecls").glob("*.py")
    }
    assert packed == expected


def test_the_wheel_is_small_and_holds_the_built_in_models(wheel):
    assert sum(entry.compress_size for entry in wheel.infolist()) <= 16_000_000
    models = [name for name in wheel.namelist() if name.endswith((".tflite", ".onnx"))]
    assert len(models) == 5
    assert any(name.endswith("licenses/NOTICE") for name in wheel.namelist())
    assert {
        "edgecls/py.typed",
        "edgecls/edge_runtime/page/page.html",
        "edgecls/data/page/page.css",
        "edgecls/trainer/networks/weights/lite0.npz",
    } <= set(wheel.namelist())


def test_a_checkout_without_links_makes_the_same_wheel(wheel, tmp_path):
    """Windows and downloaded zips turn links into small files."""
    copy = tmp_path / "checkout"
    shutil.copytree(
        ROOT,
        copy,
        symlinks=True,
        ignore=shutil.ignore_patterns(".*", "tests", "docs", "tools", "build", "dist", "*.egg-info"),
    )
    for link in (copy / "edgecls").iterdir():
        if link.is_symlink():
            target = str(link.readlink())
            link.unlink()
            link.write_text(target)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, copy],
        capture_output=True,
        check=True,
    )
    other = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    assert set(other.namelist()) == set(wheel.namelist())


def test_names_and_versions_are_all_that_the_constraints_hold():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        assert equals, line
        assert name
        assert version
        assert "/" not in line


def test_every_fault_names_tests_that_exist():
    """Also of faults that edgecls does not know: they say why."""
    lines = (ROOT / "docs/internals/faults.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line[:3].strip("| ").isdecimal()]
    assert [number for number, *_ in rows] == [str(number) for number in range(1, len(rows) + 1)]
    for number, _, tests in rows:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert named or tests.startswith("none: "), f"row {number} names no test"
        for file, name in named:
            assert f"def {name}(" in (ROOT / "tests" / file).read_text(), f"row {number}: no {file}::{name}"
