"""Whether the packages of Python are there, and none twice."""

from collections.abc import Collection, Sequence

from .finding import Finding, ok, problem
from .machine import Distribution, Python

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
