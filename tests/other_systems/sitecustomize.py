"""Hides from edgecls what Windows and macOS lack; Python loads this module at its start from PYTHONPATH.

`EDGECLS_SYSTEM` says which system to be, and children inherit it. The modules of edgecls get stand-ins for
`os`, `sys` and others: what they ask for is not there, or behaves as there. Python's own modules and other
packages go on as they are, as they bring what each system needs. Of Windows the following is imitated:
descriptors are not inherited, `select` takes sockets alone, folders cannot be opened, a descriptor to be
flushed must be open for writing, an open file is not renamed, `os.open` is in text mode, memory has a name,
and there is no /proc.
"""

import builtins
import fcntl
import mmap
import os
import select
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

SYSTEM = os.environ.get("EDGECLS_SYSTEM", "")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WINDOWS_MODULES = _names("fcntl termios resource pwd grp tty pty syslog posix _posixshmem")
_LINUX_OS = _names("""
    memfd_create sched_getaffinity sched_setaffinity posix_fadvise posix_fallocate pipe2 fdatasync eventfd
    splice O_PATH O_TMPFILE O_DIRECT getxattr setxattr copy_file_range
""")
_WINDOWS_OS = _LINUX_OS | _names("""
    fork forkpty killpg setsid getpgid setpgid getuid geteuid getgid getegid getgroups pread pwrite preadv
    fchmod fchown chown mkfifo mknod major minor makedev getloadavg statvfs fstatvfs uname nice setpriority
    getpriority sync sysconf confstr WNOHANG ttyname openpty set_blocking get_blocking posix_spawn sendfile
    O_NOFOLLOW O_CLOEXEC O_NONBLOCK O_DIRECTORY O_SYNC O_NOCTTY EX_OK EX_USAGE EX_DATAERR EX_NOINPUT EX_CONFIG
""")
_WINDOWS_SIGNALS = _names("""
    SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGPIPE SIGCHLD SIGSTOP SIGCONT SIGTSTP SIGQUIT SIGWINCH SIGBUS
    SIGTTOU setitimer alarm pause pthread_sigmask pthread_kill sigwait sigtimedwait siginterrupt
""")
_LINUX_SOCKET = _names("SO_PEERCRED TCP_USER_TIMEOUT AF_NETLINK SO_BINDTODEVICE AF_PACKET SOCK_CLOEXEC")
_WINDOWS_SOCKET = _LINUX_SOCKET | _names("AF_UNIX SO_RCVLOWAT MSG_DONTWAIT SO_REUSEPORT SCM_RIGHTS")
_HIDDEN = {
    "macos": {
        "os": _LINUX_OS,
        "fcntl": _names("F_GETPIPE_SZ F_SETPIPE_SZ F_ADD_SEALS"),
        "socket": _LINUX_SOCKET,
        "select": _names("epoll"),
        "time": _names("CLOCK_BOOTTIME pthread_getcpuclockid"),
        "signal": _names("sigtimedwait SIGRTMIN"),
    },
    "windows": {
        "os": _WINDOWS_OS,
        "socket": _WINDOWS_SOCKET,
        "select": _names("epoll poll"),
        "time": _names("CLOCK_BOOTTIME CLOCK_MONOTONIC clock_gettime pthread_getcpuclockid tzset"),
        "signal": _WINDOWS_SIGNALS,
        "mmap": _names("PROT_READ PROT_WRITE MAP_SHARED MAP_PRIVATE"),
    },
}
_REPLACED: dict[str, dict[str, object]] = {
    "macos": {"sys.platform": "darwin"},
    "windows": {"sys.platform": "win32", "os.name": "nt", "os.O_BINARY": 1 << 28, "os.O_NOINHERIT": 0},
}
for _name in ("macos", "windows"):
    _REPLACED[_name]["platform.system"] = lambda: {"macos": "Darwin", "windows": "Windows"}[SYSTEM]


def _open(path, flags, mode=0o777, **others):
    if isinstance(path, str | bytes | os.PathLike) and Path(os.fsdecode(path)).is_dir():
        raise PermissionError(13, "Permission denied", path)
    if flags & (os.O_WRONLY | os.O_RDWR) and not flags & 1 << 28 and path != os.devnull:
        raise AssertionError("os.open without O_BINARY: Windows would write two bytes for a newline")
    return os.open(path, flags & ~(1 << 28), mode, **others)


def _fsync(descriptor):
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(9, "Bad file descriptor")
    os.fsync(descriptor)


def _dup(descriptor):
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise OSError(9, "Bad file descriptor")
    return os.dup(descriptor)


def _select(readers, writers, others, timeout=None):
    for each in (*readers, *writers, *others):
        number = each if isinstance(each, int) else each.fileno()
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
    return select.select(readers, writers, others, timeout)


class _Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        for option in ("pass_fds", "preexec_fn", "user", "group", "extra_groups"):
            if options.get(option):
                raise AssertionError(f"{option} not supported on Windows platforms")
        options.pop("creationflags", None)
        super().__init__(*arguments, **options)


def _mmap(descriptor, length, tagname=None, access=mmap.ACCESS_DEFAULT, **options):
    if options.keys() - {"offset"}:
        raise TypeError(f"{options}: not an argument of mmap on Windows")
    if tagname is None or descriptor != -1:
        return mmap.mmap(descriptor, length, access=access, **options)
    with Path(tempfile.gettempdir(), tagname).open("a+b") as file:  # what has a name here
        file.truncate(length)
        return mmap.mmap(file.fileno(), length, access=access)


_REPLACED["windows"] |= {
    "os.open": _open,
    "os.fsync": _fsync,
    "os.dup": _dup,
    "select.select": _select,
    "subprocess.Popen": _Popen,
    "subprocess.CREATE_NEW_PROCESS_GROUP": 0x200,
    "mmap.mmap": _mmap,
    "socket.SO_EXCLUSIVEADDRUSE": socket.SO_REUSEADDR,
}


class _StandIn(ModuleType):
    """A module as edgecls sees it."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        object.__setattr__(self, "_real", real)
        object.__setattr__(self, "_hidden", frozenset(_HIDDEN[SYSTEM].get(real.__name__, ())))

    def __getattribute__(self, name):
        real = object.__getattribute__(self, "_real")
        if name in object.__getattribute__(self, "_hidden"):
            raise AttributeError(f"module {real.__name__!r} has no attribute {name!r}")
        replaced = _REPLACED[SYSTEM]
        key = f"{real.__name__}.{name}"
        return replaced[key] if key in replaced else getattr(real, name)

    def __setattr__(self, name, value):
        setattr(object.__getattribute__(self, "_real"), name, value)


_stand_ins: dict[str, ModuleType] = {}
_import = builtins.__import__


def _hiding_import(name, globals=None, locals=None, fromlist=(), level=0):  # noqa: A002 - as Python calls it
    package = (globals or {}).get("__package__") or ""
    if level or package.partition(".")[0] != "edgecls":
        return _import(name, globals, locals, fromlist, level)
    if SYSTEM == "windows" and name in _WINDOWS_MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = _import(name, globals, locals, fromlist, level)
    names = _HIDDEN[SYSTEM].keys() | {key.partition(".")[0] for key in _REPLACED[SYSTEM]}
    if name in names:
        return _stand_ins.setdefault(name, _StandIn(module))
    return module


def _imitate_files(event, arguments):
    """For edgecls, Linux's own folders are not there; Windows renames no file that is open."""
    if SYSTEM == "windows" and event == "os.rename" and _asks_edgecls():
        opened = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
        if opened & {os.path.realpath(os.fsdecode(path)) for path in arguments[:2]}:
            raise PermissionError(13, "The process cannot access the file: it is being used", *arguments[:1])
    if event != "open":
        return
    if str(arguments[0]).startswith(("/proc/", "/sys/", "/dev/video", "/etc/")) and _asks_edgecls():
        raise FileNotFoundError(2, "No such file or directory", arguments[0])


def _asks_edgecls() -> bool:
    frame = sys._getframe(2)
    while frame and not (frame.f_globals.get("__package__") or "").startswith("edgecls"):
        if "site-packages" in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return frame is not None


if SYSTEM:
    builtins.__import__ = _hiding_import
    sys.addaudithook(_imitate_files)
