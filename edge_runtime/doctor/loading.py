"""Whether the native libraries can be loaded: numpy, OpenCV, an engine."""

import re
from collections.abc import Mapping, Sequence

from .finding import Finding, ok, problem, warning
from .machine import Distribution, Python
from .packages import OPENCVS

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
