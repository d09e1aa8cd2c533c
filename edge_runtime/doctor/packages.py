"""Checks of what edgecls needs to be installed: the system, Python packages, native libraries, models."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import BadModel, EdgeclsError
from ..files import MODEL_BYTES, read_whole
from ..workers import ask_worker
from .finding import Finding, from_error, ok, problem, warning
from .host import Distribution, Python

# The system: word size, C library, environment.

GLIBC = (2, 28)
"""The version that the newest wheels for aarch64 need, by their tags: onnxruntime 1.32 and numpy 2.4
manylinux_2_28, ai-edge-litert 2.3 manylinux_2_27, opencv-python 5.0 manylinux_2_17."""

_INSTALL_64_BIT = (
    "write the 64-bit Raspberry Pi OS (Bookworm or later) to the card, as with Raspberry Pi Imager"
)


def check_word_size(bits: int, processor: str) -> Finding:
    """Checks that Python is a 64-bit program: neither engine has 32-bit wheels.

    Args:
        bits: of Python's pointers.
        processor: the kernel's architecture. On a Pi 4 and later, the 32-bit Raspberry Pi OS has a 64-bit
            kernel, so that `uname -m` prints aarch64 there, too.
    """
    check = "word size"
    if bits == 64:
        return ok(check, "64 bits")
    none = "LiteRT and onnxruntime have no wheels for 32 bits"
    if processor == "armv6l":
        return problem(
            check,
            f"this board's processor (armv6l) has 32 bits only, and {none}",
            advice="use a Raspberry Pi 3, 4, 5 or Zero 2 W",
        )
    if processor in ("aarch64", "x86_64"):
        return problem(
            check, f"a 32-bit system on a 64-bit kernel ({processor}), and {none}", advice=_INSTALL_64_BIT
        )
    return problem(check, f"a 32-bit system ({processor}), and {none}", advice=_INSTALL_64_BIT)


def check_glibc(version: tuple[int, int] | None) -> Finding:
    """Checks that the C library is one that the wheels were built for, and new enough.

    Args:
        version: of glibc; None for another library, such as musl.
    """
    check = "C library"
    needed = f"glibc {GLIBC[0]}.{GLIBC[1]}"
    newer = "install a newer system: Debian or Raspberry Pi OS 12 (Bookworm) or later"
    if version is None:
        return problem(check, f"not glibc; the engines' wheels need {needed} or later", advice=newer)
    named = f"glibc {version[0]}.{version[1]}"
    if version < GLIBC:
        return problem(check, f"{named} is too old: the engines' wheels need {needed} or later", advice=newer)
    return ok(check, named)


def check_environment(python: Python) -> Finding:
    """Checks that edgecls is in an environment of its own, where pip and apt do not interfere."""
    check = "environment"
    if python.externally_managed:
        return warning(
            check,
            f"edgecls is in the system's own Python ({python.executable}), which apt manages as well",
            f"{shlex.quote(python.executable)} -m venv --system-site-packages ~/edgecls "
            "&& ~/edgecls/bin/pip install edgecls",
        )
    return ok(check, str(python.prefix))


# The Python packages.


def check_complete(
    required: Collection[str], distributions: Sequence[Distribution], python: Python
) -> Finding:
    """Checks that the packages that edgecls depends on are installed.

    Args:
        required: their names, without those that are loaded by a check of their own.
        distributions: the installed packages.
        python: the environment.
    """
    check = "packages"
    missing = sorted(set(required) - {one.name for one in distributions})
    if missing:
        return problem(check, f"not installed: {', '.join(missing)}", python.pip("install", *missing))
    return ok(check, f"all {len(required)} installed")


OPENCVS = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
"""All of them install the same module, `cv2`."""


def check_one_opencv(distributions: Sequence[Distribution], python: Python) -> Finding:
    """Checks that only one OpenCV is installed: two in one folder overwrite each other's files.

    An OpenCV from apt, in a folder of its own, does no harm: Python imports the first one on its path.
    """
    check = "one OpenCV"
    found = [one for one in distributions if one.name in OPENCVS]
    beside = [one for one in found if any(one is not o and one.folder == o.folder for o in found)]
    if not beside:
        return ok(check, ", ".join(f"{one.name} {one.version}" for one in found) or "none from pip")
    names = sorted({one.name for one in beside})
    kept = "opencv-contrib-python" if any("contrib" in name for name in names) else "opencv-python"
    return problem(
        check,
        f"{' and '.join(names)} are in one environment and overwrote each other's files",
        f"{python.pip('uninstall', '-y', *names)} && {python.pip('install', kept)}",
    )


# The native libraries: numpy, OpenCV, the engines.

STATEMENTS = {
    "numpy": "import numpy",
    # Not only the import: removing one of two OpenCVs leaves an empty folder `cv2`, which can be imported.
    "opencv-python": "import cv2; cv2.imdecode",
    "ai-edge-litert": "import ai_edge_litert.interpreter",
    "onnxruntime": "import onnxruntime",
}
"""A statement that fails if the package cannot be loaded, by the name of its distribution."""

_FORMATS = {"ai-edge-litert": ".tflite", "onnxruntime": ".onnx"}

_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+?\.so[\w.]*): cannot open shared object file")
_FROM_APT = ("libGL", "libX", "libxcb", "libglib", "libgthread", "libgobject", "libgio")
"""Prefixes of the libraries that come with libgl1, which brings those of X11, and with libglib2.0-0."""


def check_numpy(error: str | None, distributions: Sequence[Distribution], python: Python) -> Finding:
    """Checks that numpy can be loaded.

    Args:
        error: of importing it; None if it can be imported.
        distributions: the installed packages.
        python: the environment.
    """
    if error is None:
        return ok("numpy", "can be loaded")
    return _broken("numpy", "numpy", error, distributions, python)


def check_opencv(
    error: str | None, distributions: Sequence[Distribution], python: Python, *, has_apt: bool
) -> Finding:
    """Checks that OpenCV can be loaded; systems without a screen often lack libraries that its wheel needs.

    Args:
        error: of importing it; None if it can be imported.
        distributions: the installed packages.
        python: the environment.
        has_apt: whether system libraries come from apt, as on Debian.
    """
    check = "OpenCV"
    if error is None:
        return ok(check, "can be loaded")
    installed = sorted({one.name for one in distributions if one.name in OPENCVS})
    library = _MISSING_LIBRARY.search(error)
    if not library:
        name = installed[0] if installed else "opencv-python"
        return _broken(check, name, error, distributions, python)
    what = f"OpenCV cannot be loaded: the system has no {library[1]}"
    swap = python.pip("install", "opencv-python-headless")
    if installed:
        swap = f"{python.pip('uninstall', '-y', *installed)} && {swap}"
    if has_apt and library[1].startswith(_FROM_APT):
        return problem(
            check,
            what,
            "sudo apt install -y libgl1 libglib2.0-0",
            f"or, if `edgecls camera` needs no window: {swap}",
        )
    return problem(check, what, swap, "this OpenCV cannot open windows; `edgecls camera --serve` needs none")


def check_engines(
    errors: Mapping[str, str | None], distributions: Sequence[Distribution], python: Python
) -> list[Finding]:
    """Checks that the engines can be loaded. One is enough, for the files of its format.

    Args:
        errors: of importing each engine, by the name of its distribution; None if it can be imported.
        distributions: the installed packages.
        python: the environment.
    """
    works = any(errors[engine] is None for engine in _FORMATS)
    found: list[Finding] = []
    for engine, format_ in _FORMATS.items():
        error = errors[engine]
        if error is None:
            found.append(ok(engine, "can be loaded"))
        else:
            broken = _broken(engine, engine, error, distributions, python)
            what = f"{broken.what}; {format_} files cannot be used"
            found.append((warning if works else problem)(engine, what, broken.command, broken.advice))
    return found


def _broken(
    check: str, distribution: str, error: str, distributions: Sequence[Distribution], python: Python
) -> Finding:
    if distribution not in {one.name for one in distributions}:
        return problem(check, f"{distribution} is not installed", python.pip("install", distribution))
    what = f"{distribution} cannot be loaded: {error}"
    if "SIGILL" in error:  # an instruction of a newer processor
        return problem(check, what, advice="its wheel needs a newer processor: use a newer board")
    return problem(check, what, python.pip("install", "--force-reinstall", "--no-deps", distribution))


# The models.


def check_model(path: Path) -> Finding:
    """Checks in a child process that a model file is undamaged and its engine can open it."""
    try:
        engine = ask_worker(open_model, read_whole(path, MODEL_BYTES), str(path))
    except EdgeclsError as error:
        return from_error("model", error)
    return ok("model", f"{path}: {engine} reads it")


def open_model(content: bytes, name: str) -> str:
    """Opens a model's engine, runs it and closes it again; called in a child process, as it needs numpy.

    Returns:
        The engine and its version.

    Raises:
        EdgeclsError: the file is damaged or foreign, or its engine is not installed or cannot read it.
    """
    from ..engines.open import open_own_engine  # noqa: PLC0415 - needs numpy, which may be missing
    from ..models.model_file import ModelFile, model_format, read_card  # noqa: PLC0415 - the same
    from ..models.trial import answers_to_pictures  # noqa: PLC0415 - the same

    format_ = model_format(content, name)
    card = read_card(content, format_, name)
    if card is None:
        raise BadModel(f"{name}: no model card; give its labels: `edgecls camera --model ... --labels ...`")
    engine = open_own_engine(ModelFile(Path(name), format_, content, card))
    answers_to_pictures(engine)
    engine.close()
    return engine.name
