"""Whether the packages of Python are there, and none twice."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import EdgeclsError
from ..files import read_whole
from ..workers import ask_worker
from .finding import Finding, from_error, ok, problem, warning
from .host import Distribution, Python

OPENCVS = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
"""All of them install the same module, `cv2`."""


def check_one_opencv(distributions: Sequence[Distribution], python: Python) -> Finding:
    """Whether one OpenCV is installed: two in one folder overwrite each other's files.

    An OpenCV of apt's, in a folder of its own, does no harm: Python takes the one that comes first.
    """
    check = "one OpenCV"
    found = [one for one in distributions if one.name in OPENCVS]
    beside = [one for one in found if any(one is not o and one.folder == o.folder for o in found)]
    if not beside:
        return ok(check, ", ".join(f"{one.name} {one.version}" for one in found) or "none by pip")
    names = sorted({one.name for one in beside})
    kept = "opencv-contrib-python" if any("contrib" in name for name in names) else "opencv-python"
    return problem(
        check,
        f"{' and '.join(names)} are in one environment, and each overwrote files of the other",
        f"{python.pip('uninstall', '-y', *names)} && {python.pip('install', kept)}",
    )


def check_complete(
    required: Collection[str], distributions: Sequence[Distribution], python: Python
) -> Finding:
    """Whether the packages are installed that edgecls asks for.

    Args:
        required: their names; of those with native code, loading.py knows more.
        distributions: what is installed.
        python: where.
    """
    check = "packages"
    missing = sorted(set(required) - {one.name for one in distributions})
    if missing:
        return problem(check, f"not installed: {', '.join(missing)}", python.pip("install", *missing))
    return ok(check, f"all {len(required)} installed")


# Whether the native libraries can be loaded: numpy, OpenCV, an engine.

STATEMENTS = {
    "numpy": "import numpy",
    # Not the import alone: when one of two OpenCVs was removed, an empty folder `cv2` stays, and is a module.
    "opencv-python": "import cv2; cv2.imdecode",
    "ai-edge-litert": "import ai_edge_litert.interpreter",
    "onnxruntime": "import onnxruntime",
}
"""What shows whether a package can be loaded, by the name of its distribution."""

_FORMATS = {"ai-edge-litert": ".tflite", "onnxruntime": ".onnx"}

_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+?\.so[\w.]*): cannot open shared object file")
_FROM_APT = ("libGL", "libX", "libxcb", "libglib", "libgthread", "libgobject", "libgio")
"""How the libraries begin that come with libgl1, which takes X11's along, and with libglib2.0-0."""


def check_numpy(why_not: str | None, distributions: Sequence[Distribution], python: Python) -> Finding:
    """Whether numpy can be loaded.

    Args:
        why_not: what goes wrong with it; None: nothing.
        distributions: what is installed.
        python: where.
    """
    if why_not is None:
        return ok("numpy", "can be loaded")
    return _broken("numpy", "numpy", why_not, distributions, python)


def check_opencv(
    why_not: str | None, distributions: Sequence[Distribution], python: Python, *, has_apt: bool
) -> Finding:
    """Whether OpenCV can be loaded; a system without a screen often lacks libraries that its wheel expects.

    Args:
        why_not: what goes wrong with it; None: nothing.
        distributions: what is installed.
        python: where.
        has_apt: whether this is a Debian, where system libraries come from apt.
    """
    check = "OpenCV"
    if why_not is None:
        return ok(check, "can be loaded")
    installed = sorted({one.name for one in distributions if one.name in OPENCVS})
    library = _MISSING_LIBRARY.search(why_not)
    if not library:
        name = installed[0] if installed else "opencv-python"
        return _broken(check, name, why_not, distributions, python)
    what = f"OpenCV cannot be loaded: the system has no {library[1]}"
    swap = python.pip("install", "opencv-python-headless")
    if installed:
        swap = f"{python.pip('uninstall', '-y', *installed)} && {swap}"
    if has_apt and library[1].startswith(_FROM_APT):
        return problem(
            check,
            what,
            "sudo apt install -y libgl1 libglib2.0-0",
            f"or, where `edgecls camera` shall open no window: {swap}",
        )
    return problem(check, what, swap, "that OpenCV opens no window; `edgecls camera --serve` needs none")


def check_engines(
    why_not: Mapping[str, str | None], distributions: Sequence[Distribution], python: Python
) -> list[Finding]:
    """Whether an engine can be loaded. One is enough, for the files of its format.

    Args:
        why_not: what goes wrong with each engine of `STATEMENTS`; None: nothing.
        distributions: what is installed.
        python: where.
    """
    works = any(why_not[engine] is None for engine in _FORMATS)
    found = []
    for engine, format_ in _FORMATS.items():
        why = why_not[engine]
        if why is None:
            found.append(ok(engine, "can be loaded"))
        else:
            broken = _broken(engine, engine, why, distributions, python)
            lost = f"{broken.what}; {format_} files cannot be used"
            found.append((warning if works else problem)(engine, lost, broken.command, broken.advice))
    return found


def _broken(
    check: str, distribution: str, why_not: str, distributions: Sequence[Distribution], python: Python
) -> Finding:
    if distribution not in {one.name for one in distributions}:
        return problem(check, f"{distribution} is not installed", python.pip("install", distribution))
    what = f"{distribution} cannot be loaded: {why_not}"
    if "SIGILL" in why_not:  # an instruction of a newer processor
        return problem(check, what, advice="its wheel is for newer processors: use a newer board")
    return problem(check, what, python.pip("install", "--force-reinstall", "--no-deps", distribution))


# Whether the installed engines can read a model.


def check_model(path: Path) -> Finding:
    """Whether a model file is whole and its engine can open it, tried in a process of its own."""
    try:
        engine = ask_worker(open_model, read_whole(path), str(path))
    except EdgeclsError as error:
        return from_error("model", error)
    return ok("model", f"{path}: {engine} reads it")


def open_model(content: bytes, name: str) -> str:
    """Opens a model's engine and closes it again; runs in the child, as all of it needs numpy.

    Returns:
        The engine and its version.

    Raises:
        EdgeclsError: the file is damaged or not ours, its engine is not installed or cannot read it.
    """
    from ..engines.engine import open_engine  # noqa: PLC0415
    from ..errors import BadModel  # noqa: PLC0415
    from ..models.model_file import ModelFile, model_format, read_card  # noqa: PLC0415

    format_ = model_format(content, name)
    card = read_card(content, format_, name)
    if card is None:
        raise BadModel(f"{name}: no model card; name its labels: `edgecls camera --model ... --labels ...`")
    engine = open_engine(ModelFile(Path(name), format_, content, card))
    engine.close()
    return engine.name


# Whether the system can run the packages that edgecls needs: word size, C library, environment.

GLIBC = (2, 28)
"""What the newest of the wheels for aarch64 ask for, by their tags: onnxruntime 1.32 and numpy 2.4
manylinux_2_28, ai-edge-litert 2.3 manylinux_2_27, opencv-python 5.0 manylinux_2_17."""

_IMAGER = "write the 64-bit Raspberry Pi OS (Bookworm or later) to the card, as with Raspberry Pi Imager"


def check_word_size(bits: int, processor: str) -> Finding:
    """Whether Python is a 64-bit program: there are no 32-bit wheels of either engine.

    Args:
        bits: of Python's pointers.
        processor: as the kernel says. The 32-bit Raspberry Pi OS has a 64-bit kernel on a Pi 4 and later, so
            that `uname -m` says aarch64 there, too.
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
        return problem(check, f"a 32-bit system on a 64-bit kernel ({processor}), and {none}", advice=_IMAGER)
    return problem(check, f"a 32-bit system ({processor}), and {none}", advice=_IMAGER)


def check_glibc(version: tuple[int, int] | None) -> Finding:
    """Whether the C library is one that the wheels were made for, and new enough.

    Args:
        version: of glibc; None where it is another library, such as musl.
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
    """Whether edgecls is in an environment of its own, where pip and apt do not overwrite each other."""
    check = "environment"
    if python.externally_managed:
        return warning(
            check,
            f"edgecls is in the system's own Python ({python.executable}), which apt changes as well",
            f"{shlex.quote(python.executable)} -m venv --system-site-packages ~/edgecls "
            "&& ~/edgecls/bin/pip install edgecls",
        )
    return ok(check, str(python.prefix))
