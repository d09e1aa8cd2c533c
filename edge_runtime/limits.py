"""Limits of this process: what a worker that reads strangers' bytes may take of memory and of the processor.

The system keeps them, so that they hold whatever a parser written in C does. On Windows there are none.
"""

import os

try:
    import resource
except ImportError:  # Windows: only the time that the parent waits is limited there
    resource = None


def _half_of_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # Windows
        return 2**29


MEMORY_BYTES = 192 * 2**20
"""The child's private memory, beside `MEMORY_FACTOR` files; an engine takes 65 MB before it sees one."""
MEMORY_FACTOR = 8
"""The file itself, its parsed form, and the engine's copy of the weights in another order."""
TENSOR_BYTES = min(2**30, _half_of_memory())
"""The most that a network's tensors may take on top of that, where its shapes say so; see `allow_memory`."""


def limit_memory(memory_bytes: int, more_bytes: int = 0) -> None:
    """Lets this process take no more private memory, and leave no dump where it crashes.

    Args:
        memory_bytes: from now on.
        more_bytes: that `allow_memory` may add.
    """
    if resource is None:
        return
    # Private memory: the address space also holds libraries, 1.8 GB of it with TensorFlow.
    _lower(resource.RLIMIT_DATA, memory_bytes + more_bytes)
    limit, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (min(memory_bytes, limit), most))
    _lower(resource.RLIMIT_CORE, 0)  # a crash is expected here: no dump of it on an SD card


def allow_memory(more_bytes: int) -> None:
    """Lets this process take so much more private memory, as far as `limit_memory` said."""
    if resource is None:
        return
    limit, most = resource.getrlimit(resource.RLIMIT_DATA)
    if limit != most:
        resource.setrlimit(resource.RLIMIT_DATA, (min(limit + more_bytes, most), most))


def limit_time(more_s: float) -> None:
    """Lets the system end this process when it has computed for so much longer; each call starts anew."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used.ru_utime + used.ru_stime + more_s) + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def limit_time_for_good(time_s: float) -> None:
    """Lets the system end this process when it has computed for so long in all; nothing makes it longer."""
    if resource is not None:
        _lower(resource.RLIMIT_CPU, int(time_s) + 1)


def memory_limit_bytes() -> int:
    """How much private memory this process may take; 0 where it is not limited."""
    return resource.getrlimit(resource.RLIMIT_DATA)[0] if resource else 0


def _lower(limit: int, wanted: int) -> None:
    assert resource  # noqa: S101 - the caller has looked
    _, hard = resource.getrlimit(limit)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(limit, (allowed, allowed))
