"""Draws the README's tree from the first line of every module: `python docs/tree.py` writes it in place."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].values()
BEGIN, END = "<!-- tree: written by docs/tree.py -->\n", "<!-- end of tree -->"


def tree() -> str:
    """The tree as Markdown: the folders in a table, and every file, folded away, with what it is for."""
    files = "\n".join(_files(ROOT / name) for name in FOLDERS)
    return f"{_folders()}\n<details>\n<summary>Every file</summary>\n\n```text\n{files}\n```\n</details>\n"


def _folders() -> str:
    rows = [f"| `{name}/` | {_purpose(ROOT / name / '__init__.py')} |" for name in FOLDERS]
    return "\n".join(["| folder | what it is for |", "| --- | --- |", *rows, ""])


def _files(folder: Path) -> str:
    modules = sorted(path for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py"))
    width = max(len(path.name) for path in modules) + 2
    lines = [f"{folder.relative_to(ROOT)}/"]
    lines += [f"    {path.name:{width}}{_purpose(path)}" for path in modules]
    return "\n".join(lines)


def _purpose(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").rstrip(".")


def _main() -> None:
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(before + BEGIN + tree() + END + after)


if __name__ == "__main__":
    _main()
