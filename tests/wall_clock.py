"""A wall clock that a test sets for one process and its children, while the monotonic clock goes on.

Not libfaketime: it makes `clock_nanosleep` fail, with which Python sleeps.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgecls.edge_runtime.files import write_whole

_SOURCE = """
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset_s(void) {
    char text[32] = {0};
    const char *path = getenv("WALL_CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    long count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset_s();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = syscall(SYS_gettimeofday, now, zone);
    if (result == 0 && now) now->tv_sec += offset_s();
    return result;
}

time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
"""


class WallClock:
    """Compiles the clock in `folder`; the test is skipped where there is no C compiler."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if not compiler:
            pytest.skip("needs a C compiler, for a wall clock that can be set")
        self._offset = folder / "wall_clock_offset"
        self.jump(0)
        library, source = folder / "wall_clock.so", folder / "wall_clock.c"
        source.write_text(_SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.env = dict(os.environ) | {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(self._offset)}
        """For the process whose clock it shall be."""

    def jump(self, hours: float) -> None:
        """Sets it so far from the true time, at once and for all that run with `env`."""
        write_whole(self._offset, f"{hours * 3600:.0f}")
