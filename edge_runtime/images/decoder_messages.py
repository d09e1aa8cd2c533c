"""Decoder messages: what libraries write to C's stderr while they decode, kept off the terminal.

libjpeg returns a picture for damaged data, and says so only on `stderr`; libpng says there why it gives up.
The stream `stderr` of the C library is a variable (glibc: "you can set them just like any others"). While a
thread decodes, it is a stream into memory: no descriptor, no system call. Descriptor 2, and so Python's own
`sys.stderr`, stay as they are, and lines of anybody else are passed on to it.
"""

import ctypes
import os
import re
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from ..text import printable_lines

_T = TypeVar("_T")
_UNBUFFERED = 2  # _IONBF, everywhere
_PATIENCE_S = 10.0
"""For other threads to finish a picture; longer only if one was interrupted in a way that nobody foresaw."""
_MEMORY_BYTES = 1 << 16
"""More than decoders and others write in the time of a picture; what does not fit is dropped."""
_KEPT_STREAMS = 8
"""Streams that have been replaced and are not closed yet: somebody may still be writing to one."""
_MESSAGE = re.compile(
    rb"(?:Corrupt JPEG data: |Premature end of JPEG|Warning: unknown JFIF|Unknown Adobe|Invalid SOS|"
    rb"Inconsistent progression|Application transferred|libpng (?:error|warning): )[^\n]*\n?"
)
"""The lines of decoders, perhaps behind a part of another: every warning of libjpeg, and libpng's."""


class _Stderr:
    """The C library's `stderr`, replaced while any thread decodes.

    All threads share one stream: a write function of our own would know the thread, but wait for Python's
    lock while it holds the stream's, and so for ever for whoever holds the first and writes to stderr. So
    where a message may be that of another picture, both are decoded again, alone.
    """

    is_replaceable = False

    def __init__(self) -> None:
        self._reset()
        self._replaced: deque[tuple[int | None, Any]] = deque()
        with suppress(OSError, AttributeError, ValueError, TypeError):  # another C library: nothing is heard
            self._libc, self._variable = self._load()
            self._original = self._variable.value
            self._ours, self._memory = self._new_stream()
            os.register_at_fork(after_in_child=self._forked)
            self.is_replaceable = True

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._decoding = self._entered = self._taken = self._waiting = 0

    def _load(self) -> tuple[ctypes.CDLL, ctypes.c_void_p]:
        """Returns the C library and its variable `stderr`."""
        libc = ctypes.CDLL(None)
        libc.fmemopen.restype = ctypes.c_void_p
        libc.fmemopen.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
        libc.setvbuf.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t]
        libc.fclose.argtypes = [ctypes.c_void_p]
        # In musl, stderr is a constant.
        name = "stderr" if hasattr(libc, "gnu_get_libc_version") else "__stderrp"  # macOS, FreeBSD
        return libc, ctypes.c_void_p.in_dll(libc, name)

    def _new_stream(self) -> tuple[int | None, Any]:
        """Opens a stream into memory; returns it, and the memory."""
        memory = ctypes.create_string_buffer(_MEMORY_BYTES)
        stream = self._libc.fmemopen(memory, _MEMORY_BYTES - 1, b"w")
        if not stream:
            raise OSError("fmemopen failed")
        self._libc.setvbuf(stream, None, _UNBUFFERED, 0)
        return stream, memory

    def hear(self, decode: Callable[..., _T], *args: Any) -> tuple[_T, str]:
        """See the function. It is written out, as it takes part of the time of every frame."""
        if not self.is_replaceable:
            return decode(*args), ""
        is_inside, text = False, ""
        entered = taken = others = 0
        try:
            with self._lock:
                if self._waiting:
                    self._changed.wait_for(lambda: not self._waiting, _PATIENCE_S)
                self._entered = entered = self._entered + 1
                taken, others = self._taken, self._decoding
                is_inside = True
                self._decoding = others + 1
                if not others:
                    self._original = self._variable.value
                    self._variable.value = self._ours
            result = decode(*args)
        finally:
            if is_inside:
                with self._lock:
                    text = self._leave()
        if self._taken != taken and (others or self._entered != entered):
            return self._hear_alone(decode, *args)
        return result, text

    def _hear_alone(self, decode: Callable[..., _T], *args: Any) -> tuple[_T, str]:
        """Waits until no other thread decodes, and lets none begin."""
        try:
            with self._lock:
                self._waiting += 1
                self._changed.wait_for(lambda: not self._decoding, _PATIENCE_S)
                self._decoding += 1
                self._variable.value = self._ours
                try:
                    result = decode(*args)
                finally:
                    text = self._leave()
        finally:
            with self._lock:
                self._waiting -= 1
                self._changed.notify_all()
        return result, text

    def _leave(self) -> str:
        """Returns the messages since they were last taken."""
        self._decoding -= 1
        text = self._take() if self._memory[0] != b"\0" else ""
        if not self._decoding:
            self._variable.value = self._original
            if self._waiting:
                self._changed.notify_all()
        return text

    def _take(self) -> str:
        """Takes what was written: returns the lines of decoders, and passes the others on.

        A stream is used once. Emptied, it would lose what others write to it meanwhile, and its place in it.
        """
        self._taken += 1
        before = self._ours, self._memory
        self._ours, self._memory = self._new_stream()
        if self._decoding:
            self._variable.value = self._ours
        self._replaced.append(before)
        if len(self._replaced) > _KEPT_STREAMS:
            self._libc.fclose(self._replaced.popleft()[0])
        written = before[1].value
        others = _MESSAGE.sub(b"", written)
        if others.strip(b"\n"):
            with suppress(OSError):  # closed, or full
                os.write(2, printable_lines(others))
        return b"".join(_MESSAGE.findall(written)).decode(errors="replace")

    def _forked(self) -> None:
        """In a new child, where no other thread exists."""
        self._reset()
        self._ours, self._memory = self._new_stream()
        self._variable.value = self._original


_stderr = _Stderr()


def hear(decode: Callable[..., _T], *args: Any) -> tuple[_T, str]:
    """Calls `decode(*args)`; returns its result, and what decoders wrote to C's `stderr` meanwhile.

    It may be called twice where several threads decode. On Windows, and with a C library whose `stderr` is
    constant, nothing is heard: the text is empty.
    """
    return _stderr.hear(decode, *args)
