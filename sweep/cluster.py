"""Ray: started on this machine or joined as a cluster, whose machines must have the same software and data.

Ray is imported here only.
"""

import hashlib
import logging
import os
import platform
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..edge_runtime.errors import (
    BadConfiguration,
    BadData,
    EdgeclsError,
    MissingInput,
    Unavailable,
    reading_failed,
)

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # sends nothing to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the new default; the old one warns
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what raylets print here when a worker dies; we say it ourselves
    "RAY_DATA_LOG_LEVEL": "CRITICAL",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints boxes even at verbosity 0
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # leaves Ctrl-C to our command
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our own files are enough
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
for _name, _value in _QUIET.items():
    os.environ.setdefault(_name, _value)  # Ray reads some of them when it is imported

try:
    import ray
    from ray import data as ray_data  # noqa: F401 - the other modules import it from here
    from ray import tune  # noqa: F401 - as above
    from ray._private import ray_constants
    from ray.exceptions import AuthenticationError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise Unavailable(f'Ray is missing: {error}; run `pip install "edgecls[sweep]"`') from error

_PACKAGES = ("edgecls", "keras", "tensorflow", "numpy", "ai-edge-litert", "onnxruntime", "tf2onnx")
"""Packages that decide what files the same options give."""
_OBJECT_STORE_BYTES = 128 * 2**20
"""Models pass through it one at a time; Ray's default is a third of the memory."""
_LOOPBACK = "127.0.0.1"
_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_ANSWER_S = 5.0
_FACTS_S = 600.0
"""The digest reads the whole data set, which may have many gigabytes."""


@dataclass(frozen=True)
class NodeFacts:
    """What must be the same on all machines of a sweep."""

    versions: Mapping[str, str]
    data_digest: str
    """Of the files that `--data` names; empty for a data set known by name."""


def node_name() -> str:
    """Returns the name of this machine."""
    return socket.gethostname()


def node_facts(data: str, node: str) -> NodeFacts:
    """Returns the facts of this machine.

    Args:
        data: as `--data` takes it; a path is absolute.
        node: this machine's name, for messages.

    Raises:
        BadConfiguration: a package is missing.
        MissingInput: the data does not exist.
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
    """Returns the SHA-256 over a file, or over the names and contents of all files in a folder.

    Raises:
        EdgeclsError: a file cannot be read.
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


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Starts Ray on this machine, or joins the cluster at an address; a context manager.

    Raises:
        Unavailable: no cluster answers, or it does not let this machine in.
        BadConfiguration: it runs another version of Ray or Python.
    """
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    make_token_private(creates=not address)
    try:
        if address:
            _join(address, quiet)
        else:
            _start_on_loopback(quiet)
        yield
    finally:
        ray.shutdown()


def _start_on_loopback(quiet: Mapping[str, Any]) -> None:
    """Starts Ray for this machine alone, whatever cluster RAY_ADDRESS may name.

    Ray replaces a loopback address by that of the network, except where clusters are off, as they are by
    default on Windows and macOS.

    Raises:
        Unavailable: it listens on the network all the same.
    """
    store = _OBJECT_STORE_BYTES
    had_clusters, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    variable = os.environ.get(_CLUSTERS)
    os.environ[_CLUSTERS] = "0"  # for Ray's other processes
    try:
        ray.init(
            "local", include_dashboard=False, _node_ip_address=_LOOPBACK, object_store_memory=store, **quiet
        )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = had_clusters
        if variable is None:
            del os.environ[_CLUSTERS]
        else:
            os.environ[_CLUSTERS] = variable
    address = ray.nodes()[0]["NodeManagerAddress"]
    if address != _LOOPBACK:
        raise Unavailable(
            f"Ray {version('ray')} listens on {address}, where others reach it; "
            'run `pip install "ray[data,tune]==2.60.0"`'
        )


def make_token_private(*, creates: bool) -> None:
    """Makes the file with Ray's token readable for this user alone, as the token lets run any program.

    Ray itself leaves it readable for everybody.

    Args:
        creates: whether Ray would make one where there is none.
    """
    if "RAY_AUTH_TOKEN" in os.environ or os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    with suppress(OSError):  # somebody else's; Ray will say so where it cannot use it
        if creates and not named:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(32))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _join(address: str, quiet: dict[str, Any]) -> None:
    _check_answers(address)
    try:
        ray.init(address, **quiet)
    except (ConnectionError, AuthenticationError) as error:
        raise Unavailable(
            f"--address {address}: the Ray cluster refuses this machine: {last_line(error)}; "
            "set RAY_AUTH_MODE and Ray's token here as on the cluster"
        ) from error
    except RuntimeError as error:
        if "ersion mismatch" not in str(error):
            raise
        reason = " ".join(str(error).split())
        raise BadConfiguration(
            f"--address {address}: {reason}; install the same versions on every machine"
        ) from error


def check_machines(data: str, here: NodeFacts) -> None:
    """Checks that every machine of the cluster has the same data and software; errors name the machine.

    Raises:
        EdgeclsError: see `node_facts` and `check_same`.
    """
    pending = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):
            name = node["NodeManagerHostname"]
            pending[name, node["NodeID"]] = on_machine(_facts_of, node["NodeID"]).remote(data, name)
    for (name, _), answer in pending.items():
        try:
            facts: Any = ray.get(answer, timeout=_FACTS_S)
        except RayError as error:
            raise BadConfiguration(
                f"machine {name}: edgecls does not run there: {last_line(error)}; "
                'run `pip install "edgecls[sweep]"` there'
            ) from error
        if isinstance(facts, EdgeclsError):
            raise facts
        check_same(facts, here, name, data)


def on_machine(target: Any, node_id: str | None = None) -> Any:
    """Returns a function or class that Ray runs on one machine, by default this one, beside its trials."""
    node_id = node_id or ray.get_runtime_context().get_node_id()
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(target).options(num_cpus=0, scheduling_strategy=there)


def _facts_of(data: str, node: str) -> NodeFacts | EdgeclsError:
    try:
        return node_facts(data, node)
    except EdgeclsError as error:  # if raised, it would arrive wrapped in an error of Ray's
        return error


def _check_answers(address: str) -> None:
    """Connects to the address first: Ray itself would wait for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _ANSWER_S).close()
    except ValueError as error:
        raise BadConfiguration(
            f"--address {address}: not HOST:PORT; `ray start --head` prints the address"
        ) from error
    except OSError as error:
        raise Unavailable(_no_cluster(address)) from error


def _no_cluster(address: str) -> str:
    return (
        f"--address {address}: no Ray cluster answers there; start one with `ray start --head`, and join "
        "this machine to it with `ray start --address`"
    )


def last_line(error: Exception) -> str:
    """Returns what an error of Ray's says at the end of its tracebacks."""
    return next(line.strip() for line in reversed(str(error).splitlines()) if line.strip())


def _files(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(path for path in root.rglob("*") if path.is_file())
    else:
        yield root


def _versions(node: str) -> dict[str, str]:
    # Python's patch version changes no result.
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError as error:
            raise BadConfiguration(
                f'machine {node}: has no {name}; run `pip install "edgecls[sweep]"` there'
            ) from error
    return found
