"""One machine of a sweep: whether it has the same software and the same data as the one that asks."""

import hashlib
import platform
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..edge_runtime.errors import BadConfiguration, BadData, MissingInput, reading_failed

_PACKAGES = ("edgecls", "keras", "tensorflow", "numpy", "ai-edge-litert", "onnxruntime", "tf2onnx")
"""That the same options give the same files with."""


@dataclass(frozen=True)
class NodeFacts:
    """What must be the same on all machines."""

    versions: Mapping[str, str]
    data_digest: str
    """Of the files that `--data` names; empty for a data set known by its name."""


def node_name() -> str:
    """This machine, as its people call it."""
    return socket.gethostname()


def node_facts(data: str, node: str) -> NodeFacts:
    """Looks at this machine.

    Args:
        data: as `--data` takes it; a path is absolute.
        node: this machine's name, for messages.

    Raises:
        BadConfiguration: a package is missing.
        MissingInput: there is no such data.
        EdgeclsError: the data cannot be read.
    """
    if Path(data).is_absolute() and not Path(data).exists():
        raise MissingInput(
            f"{data}: not on machine {node}; every machine needs the data set at the same path: copy it there"
        )
    return NodeFacts(_versions(node), data_digest(data) if Path(data).is_absolute() else "")


def check_same(facts: NodeFacts, here: NodeFacts, node: str, data: str) -> None:
    """Refuses a machine whose trainings would not be comparable.

    Raises:
        BadConfiguration: it has other versions.
        BadData: it has other data.
    """
    for name, wanted in here.versions.items():
        there = facts.versions.get(name)
        if there != wanted:
            raise BadConfiguration(
                f"machine {node}: has {name} {there}, here it is {wanted}; "
                "install the same versions on every machine"
            )
    if facts.data_digest != here.data_digest:
        raise BadData(f"{data}: differs on machine {node} from the one here; copy it there again")


@cache
def data_digest(path: str) -> str:
    """SHA-256 over a file, or over the names and contents of all files in a folder.

    Raises:
        EdgeclsError: something cannot be read.
    """
    root = Path(path)
    digest = hashlib.sha256()
    for file in _files(root):
        try:
            with file.open("rb") as content:
                of_file = hashlib.file_digest(content, "sha256").digest()
        except OSError as error:
            raise reading_failed(file, error) from error
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + of_file)
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(path for path in root.rglob("*") if path.is_file())
    else:
        yield root


def _versions(node: str) -> dict[str, str]:
    # The patch level of Python changes no result.
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError as error:
            raise BadConfiguration(
                f'machine {node}: has no {name}; run `pip install "edgecls[sweep]"` there'
            ) from error
    return found
