"""Decoder messages: what libraries write to C's stderr while they decode, kept off the terminal.

libjpeg returns a picture for damaged data, and says so only on `stderr`; libpng says there why it gives up.
The stream `stderr` of the C library is a variable (glibc: "you can set them just like any others"). While a
thread decodes it is a stream of ours, whose write function runs in the thread that writes: a line of the
thread that decodes is kept, one of any other thread goes to file descriptor 2, where it was going. That takes
no descriptor and no system call, and leaves descriptor 2, and so Python's own `sys.stderr`, alone.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")
_UNBUFFERED = 2  # _IONBF, everywhere

_GLIBC_WRITE = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_BSD_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


class _GlibcFunctions(ctypes.Structure):
    """`cookie_io_functions_t`."""

    _fields_ = (
        ("read", ctypes.c_void_p),
        ("write", _GLIBC_WRITE),
        ("seek", ctypes.c_void_p),
        ("close", ctypes.c_void_p),
    )


class _Heard(threading.local):
    lines: "list[bytes] | None" = None
    """What this thread's decoder has written; None while it does not decode."""


class _Stderr:
    """The C library's `stderr`, replaced while any thread decodes."""

    is_replaceable = False

    def __init__(self) -> None:
        self._heard = _Heard()
        self._lock = threading.Lock()
        self._decoding = 0  # threads
        self._original: int | None = None
        self._keep: tuple[Any, ...] = ()
        with suppress(OSError, AttributeError, ValueError, TypeError):  # another C library: nothing is heard
            self._variable, self._ours = self._open()
            os.register_at_fork(after_in_child=self._forked)
            self.is_replaceable = True

    def _open(self) -> tuple[ctypes.c_void_p, int | None]:
        """Opens a stream that calls `_write`; returns the variable `stderr` and that stream."""
        libc = ctypes.CDLL(None)
        if hasattr(libc, "gnu_get_libc_version"):  # not musl, where stderr is a constant
            write: Any = _GLIBC_WRITE(self._write)
            libc.fopencookie.restype = ctypes.c_void_p
            libc.fopencookie.argtypes = [ctypes.c_void_p, ctypes.c_char_p, _GlibcFunctions]
            stream = libc.fopencookie(None, b"w", _GlibcFunctions(None, write, None, None))
            name = "stderr"
        else:  # macOS, FreeBSD
            write = _BSD_WRITE(self._write)
            libc.funopen.restype = ctypes.c_void_p
            libc.funopen.argtypes = [ctypes.c_void_p, ctypes.c_void_p, _BSD_WRITE, *[ctypes.c_void_p] * 2]
            stream = libc.funopen(None, None, write, None, None)
            name = "__stderrp"
        libc.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
        libc.setvbuf(stream, None, _UNBUFFERED, 0)
        self._keep = (libc, write)  # C calls it for as long as the process lives
        return ctypes.c_void_p.in_dll(libc, name), stream

    def _write(self, _cookie: int | None, text: int, length: int) -> int:
        """Called by C, in the thread that writes."""
        written = ctypes.string_at(text, length)
        lines = self._heard.lines
        if lines is not None:
            lines.append(written)
        else:
            with suppress(OSError):  # closed, or full
                os.write(2, written)
        return length

    def hear(self, decode: Callable[..., _T], *args: Any) -> tuple[_T, str]:
        heard = self._heard
        if heard.lines is not None or not self.is_replaceable:
            return decode(*args), ""
        lines: list[bytes] = []
        try:
            heard.lines = lines
            with self._lock:
                self._decoding += 1
                if self._decoding == 1:
                    self._original = self._variable.value
                    self._variable.value = self._ours
            try:
                result = decode(*args)
            finally:
                with self._lock:
                    self._decoding -= 1
                    if not self._decoding:
                        self._variable.value = self._original
        finally:  # also after an interruption anywhere above: otherwise this thread would not hear again
            heard.lines = None
        return result, b"".join(lines).decode(errors="replace") if lines else ""

    def _forked(self) -> None:
        """In a new child, where no other thread exists."""
        self._lock = threading.Lock()
        self._decoding = 1 if self._heard.lines is not None else 0
        if not self._decoding and self._original is not None:
            self._variable.value = self._original


_stderr = _Stderr()


def hear(decode: Callable[..., _T], *args: Any) -> tuple[_T, str]:
    """Calls `decode(*args)`; returns its result, and what C code of this thread wrote to `stderr` meanwhile.

    On Windows, and with a C library whose `stderr` is constant, nothing is heard: the text is empty.
    """
    return _stderr.hear(decode, *args)
