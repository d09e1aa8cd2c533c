"""Mutants: runs mutated model files, sealed again, through the commands, and checks how each ends.

    python -m tools.mutants MODEL... --count 500 --seed 0 --keep found/

Each mutant goes through `predict`, `inspect`, `verify` and `camera --once`; an `.h5` or `.keras` through
`inspect` alone, as no other command takes it. A mutant has to end with exit code 0, 1 or 65, in less than
60 s, with less than 500 MB of memory, and without a traceback. Whatever ends otherwise is a find: it is
listed, and kept.

A process for each command would take two seconds. So everything is imported once, and each command, and each
worker that it asks, is a fork of that process with the limits that it would have.
"""

import io
import json
import os
import random
import resource
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import typer

from edgecls.cli import camera, main, predict, verify  # noqa: F401 - loaded before the forks
from edgecls.cli import inspect as inspect_command  # noqa: F401 - the same
from edgecls.data.keras_files import content as keras_content  # noqa: F401 - the same
from edgecls.data.keras_files import hdf5  # noqa: F401 - the same
from edgecls.edge_runtime import errors, workers
from edgecls.edge_runtime.camera import session  # noqa: F401 - the same
from edgecls.edge_runtime.camera.outputs import background, lines  # noqa: F401 - the same
from edgecls.edge_runtime.engines import litert, onnxruntime  # noqa: F401 - the same
from edgecls.edge_runtime.errors import BadModel, EdgeclsError
from edgecls.edge_runtime.inspection import inspect, onnx, tflite  # noqa: F401 - the same
from edgecls.edge_runtime.models import foreign, model_file, trial
from edgecls.edge_runtime.models.model_file import ModelFormat, model_format
from edgecls.edge_runtime.models.seal import resealed, seal_start

ALLOWED_CODES = (0, 1, 65)
LIMIT_S, LIMIT_BYTES = 60.0, 500 * 10**6
_BARE_BYTES = 40 * 10**6
"""Private memory of a command that has only its own modules; a fork has those of all commands instead."""
_KERAS = "keras"
_VALUES = (
    0,
    1,
    2,
    3,
    4,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
)


# Mutating.


def mutants(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yields `count` mutants of a model file; the same for the same seed."""
    is_zip = content.startswith(b"PK")
    for number in range(count):
        dice = random.Random(f"{seed} {number}")  # noqa: S311 - it has to be repeatable
        yield _mutated_zip(content, dice) if is_zip else _mutated_model(content, dice)


def _mutated_model(content: bytes, dice: random.Random) -> bytes:
    format_ = model_format(content, "original")
    at = seal_start(content)
    if format_ is ModelFormat.H5:
        head = min(at, 16_384) if dice.random() < 0.7 else at  # where its structure is
        return resealed(mutated(content[:head], dice) + content[head:])
    if format_ is ModelFormat.TFLITE:
        network, text = content[:at], model_file.find_tflite_card(content) or b""
    else:
        text = model_file.find_onnx_card(content) or b""
        network = model_file.bare_onnx(content, text)
    if dice.random() < 0.15:
        text = mutated_json(text, dice)
    else:
        network = mutated(network, dice)
    if format_ is ModelFormat.TFLITE:
        return model_file.sealed_tflite(network, {model_file.CARD_NAME: text, model_file.LABELS_NAME: b"\n"})
    return model_file.sealed_onnx(network, text)


def _mutated_zip(content: bytes, dice: random.Random) -> bytes:
    """A mutated `.keras`: as a whole, or one of its parts, packed again."""
    if dice.random() < 0.2:
        return mutated(content, dice)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chosen = dice.choice([name for name in parts if name != "metadata.json"])
    mutate = mutated_json if chosen.endswith(".json") and dice.random() < 0.8 else mutated
    parts[chosen] = mutate(parts[chosen], dice)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def mutated(content: bytes, dice: random.Random) -> bytes:
    """Returns bytes with one to eight changes: flipped bits, extreme numbers, parts moved, cut or doubled."""
    changed = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        at = dice.randrange(len(changed))
        kind = dice.random()
        if kind < 0.35:
            changed[at] ^= 1 << dice.randrange(8)
        elif kind < 0.5:
            changed[at] = dice.randrange(256)
        elif kind < 0.8:
            size = dice.choice((1, 2, 4, 4, 8))
            start = at - at % size
            value = dice.choice(_VALUES) * dice.choice((1, 1, -1)) % 2 ** (8 * size)
            changed[start : start + size] = value.to_bytes(size, "little")[: max(0, len(changed) - start)]
        elif kind < 0.9:
            other, size = dice.randrange(len(changed)), dice.choice((4, 8, 16, 64))
            changed[at : at + size] = changed[other : other + size][: len(changed[at : at + size])]
        elif kind < 0.95:
            del changed[at : at + dice.choice((1, 4, 16, 256))]
        else:
            changed[at:at] = bytes(dice.choice((1, 4, 16, 256)))
    return bytes(changed)


def mutated_json(text: bytes, dice: random.Random) -> bytes:
    """Returns JSON with one of its values replaced by one of another type or size, or left out."""
    try:
        root = json.loads(text)
    except ValueError:
        return mutated(text, dice)
    places = list(_places(root))
    for _ in range(dice.choice((1, 1, 2, 4))):
        holder, key = dice.choice(places)
        odd: list[Any] = [
            None,
            True,
            -1,
            0,
            1,
            2**31,
            2**63,
            10**40,
            1e308,
            float("nan"),
            "",
            "\ud800",
            "\x1b[2J",
        ]
        odd += [[], {}, ["a"], {"a": 1}, "x" * 100_000, [[]] * 1000, "../../etc/passwd", -0.5]
        with suppress(LookupError):
            if dice.random() < 0.15:
                del holder[key]
            else:
                holder[key] = dice.choice(odd)
    return json.dumps(root, ensure_ascii=True).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a JSON value; long lists of numbers count as few."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:20])
    for key, item in items:
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


# Running.


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int
    """Below 0: the signal that ended it."""
    seconds: float
    peak_bytes: int
    said: str
    """What it wrote to stderr."""

    @property
    def trouble(self) -> str:
        """What is wrong with it; empty if nothing is."""
        wrong = []
        if self.code not in ALLOWED_CODES:
            wrong.append(signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}")
        if "Traceback" in self.said:
            wrong.append(f"traceback: {self.said.strip().splitlines()[-1][:120]}")
        if self.seconds >= LIMIT_S:
            wrong.append(f"{self.seconds:.0f} s")
        if self.peak_bytes >= LIMIT_BYTES:
            wrong.append(f"{self.peak_bytes / 1e6:,.0f} MB")
        return ", ".join(wrong)


def run(arguments: list[str], folder: Path) -> End:
    """Runs a command of edgecls in a fork of this process."""
    started_s, before = time.monotonic(), _private_bytes()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            _be_command(arguments, folder, said.fileno())
        status, used = _waited(child, LIMIT_S)
        said.seek(0)
        text = said.read().decode(errors="replace")
    grown = max(0, used.ru_maxrss * 1024 - before)
    code = os.waitstatus_to_exitcode(status)
    return End(code, time.monotonic() - started_s, _BARE_BYTES + grown, text)


def _waited(child: int, limit_s: float) -> tuple[int, resource.struct_rusage]:
    """Waits for a child, and ends it after a time."""
    descriptor = os.pidfd_open(child)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        if not selector.select(limit_s):
            os.kill(child, signal.SIGKILL)
    os.close(descriptor)
    _, status, used = os.wait4(child, 0)
    return status, used


def _be_command(arguments: list[str], folder: Path, said: int) -> NoReturn:
    code = 1
    try:
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, descriptor in enumerate((nowhere, nowhere, said)):
            os.dup2(descriptor, number)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.argv = ["edgecls", *arguments]
        main.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def forked_worker(
    function: Callable[..., Any],
    content: bytes,
    name: str,
    *,
    memory_bytes: int = workers.MEMORY_BYTES,
    more_bytes: int = 0,
    time_s: float = workers.TIME_S,
    arguments: Mapping[str, Any] | None = None,
) -> Any:
    """`ask_worker` by a fork of this process, which has loaded everything already."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        call = partial(function, content, name, **(arguments or {}))
        _be_worker(call, memory_bytes + workers.MEMORY_FACTOR * len(content), more_bytes, writing)
    os.close(writing)
    deadline_s = time.monotonic() + time_s
    parts, is_overdue = [], False
    with open(reading, "rb", buffering=0) as pipe, selectors.DefaultSelector() as selector:  # noqa: PTH123
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline_s - time.monotonic())):
                os.kill(child, signal.SIGKILL)
                is_overdue = True
                break
            part = pipe.read(1 << 16)
            if not part:
                break
            parts.append(part)
    _, status = os.waitpid(child, 0)
    if is_overdue:
        raise BadModel(f"{name}: reading it took more than {time_s:g} s; copy it again")
    if not parts:
        raise BadModel(f"{name}: cannot be read: {os.waitstatus_to_exitcode(status)}; copy it again")
    reply = json.loads(b"".join(parts))
    if "kind" in reply:
        raise getattr(errors, reply["kind"])(reply["error"])
    if "raised" in reply:
        raise BadModel(f"{name}: cannot be read: {reply['raised']}; copy it again")
    return reply["result"]


def _be_worker(call: Callable[[], Any], memory_bytes: int, more_bytes: int, pipe: int) -> NoReturn:
    reply: dict[str, Any] = {}
    try:
        data = Path("/proc/self/status").read_text(encoding="utf-8").partition("VmData:")[2].split()[0]
        workers.limit_memory(int(data) * 1024 + memory_bytes, more_bytes)
        reply = {"result": call()}
    except EdgeclsError as error:
        reply = {"error": str(error), "kind": type(error).__name__}
    except BaseException as error:
        reply = {"raised": f"{type(error).__name__}: {error}"[:200]}
    with suppress(BaseException), open(pipe, "wb") as answer:
        answer.write(json.dumps(reply).encode())
    os._exit(0)


def _private_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder with a picture, a state of its own, and workers that are forks."""
    folder = Path(tempfile.mkdtemp(prefix="edgecls-mutants-"))
    os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(folder / "state")
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    cv2.imwrite(str(folder / "picture.png"), np.roll(ramp, 40, axis=2))
    for module in (trial, model_file, inspect, foreign):
        vars(module)["ask_worker"] = forked_worker
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commands(suffix: str) -> dict[str, list[str]]:
    """The commands that a mutant goes through, without its name."""
    if suffix in (".h5", ".keras"):
        return {"inspect": ["inspect"]}
    return {
        "predict": ["predict", "picture.png", "--model"],
        "inspect": ["inspect"],
        "verify": ["verify"],
        "camera": ["camera", "--source", "picture.png", "--once", "--headless", "--model"],
    }


def check(
    model: Path,
    count: int = typer.Option(500, min=1, help="Mutants."),
    seed: int = typer.Option(0, help="Another seed gives other mutants."),
    keep: Path | None = typer.Option(None, help="Folder to keep what ends otherwise than it should."),
    seconds: float = typer.Option(3600.0, help="Stops after this time."),
) -> None:
    """Run mutants of a model file, sealed again, through the commands."""
    content, ends, finds = model.read_bytes(), Counter[str](), 0
    if model.suffix in (".h5", ".keras"):
        from edgecls.data.keras_files import network  # noqa: F401, PLC0415 - TensorFlow, before the forks
    end_s, slowest, largest, done = time.monotonic() + seconds, 0.0, 0, 0
    with workshop() as folder:
        for number, mutant in enumerate(mutants(content, count, seed)):
            if time.monotonic() > end_s:
                break
            name = f"mutant{model.suffix}"
            (folder / name).write_bytes(mutant)
            for command, arguments in commands(model.suffix).items():
                end = run([*arguments, name], folder)
                ends[f"{command} {end.code}"] += 1
                slowest, largest = max(slowest, end.seconds), max(largest, end.peak_bytes)
                if end.trouble:
                    finds += 1
                    print(f"{model.name} seed {seed} mutant {number}: {command}: {end.trouble}", flush=True)
                    if keep:
                        keep.mkdir(parents=True, exist_ok=True)
                        (keep / f"{model.stem}_{seed}_{number}_{command}{model.suffix}").write_bytes(mutant)
            done += 1
    counts = ", ".join(f"{end} {number:,}" for end, number in sorted(ends.items()))
    print(f"{model.name}: {done:,} mutants, {finds} finds; {counts}")
    print(f"slowest {slowest:.1f} s, most memory {largest / 1e6:,.0f} MB")
    if finds:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(check)
