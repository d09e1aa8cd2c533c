"""Memory that two processes share: a file in memory, or a System V segment where no file may be large.

A limit on the size of files (`ulimit -f`) holds for files in memory too, but not for segments. Neither needs
a folder that can be written, or /dev/shm.
"""

import mmap
import os
from importlib import import_module
from typing import Any

_IPC_PRIVATE, _IPC_CREAT, _IPC_RMID, _SHM_RDONLY = 0, 0o1000, 0, 0o10000


class SharedMemory:
    """Memory of `size_bytes`, seen through `view`; a page takes memory only when it is first written.

    Args:
        handle: a file descriptor, which a child process inherits; below 0, a segment with the id `~handle`.
        size_bytes: as it was created.
        is_writable: whether this process may write to it.
    """

    def __init__(self, handle: int, size_bytes: int, *, is_writable: bool) -> None:
        self.handle = handle
        self._mapped: mmap.mmap | None = None
        self._address = 0
        if handle >= 0:
            access = mmap.PROT_READ | (mmap.PROT_WRITE if is_writable else 0)
            self._mapped = mmap.mmap(handle, size_bytes, prot=access)
            self.view = memoryview(self._mapped)
        else:
            self._address, self.view = _attached(~handle, size_bytes, 0 if is_writable else _SHM_RDONLY)

    def close(self) -> None:
        """Gives the memory back; `view` cannot be used any more."""
        self.view.release()
        if self._mapped is not None:
            self._mapped.close()
        if self._address:
            _libc().shmdt(self._address)
            self._address = 0


def create_memory(size_bytes: int) -> SharedMemory:
    """Returns new memory to read from; another process writes to it by its `handle`.

    Raises:
        OSError: the system has no room for it.
    """
    descriptor = _memory_file()
    try:
        os.ftruncate(descriptor, size_bytes)
        return SharedMemory(descriptor, size_bytes, is_writable=False)
    except OSError as error:  # most likely a limit on the size of files
        os.close(descriptor)
        return _new_segment(size_bytes, error)


def _memory_file() -> int:
    """The descriptor of a new file in memory: without a name, or with one that is gone at once (macOS)."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("edgecls-frame")
    posixshmem: Any = import_module("_posixshmem")  # Python's own, of shm_open(3); Linux needs none
    name = f"/edgecls-{os.urandom(8).hex()}"
    descriptor = posixshmem.shm_open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    posixshmem.shm_unlink(name)
    return descriptor


def _new_segment(size_bytes: int, cause: OSError) -> SharedMemory:
    libc = _libc()
    segment = libc.shmget(_IPC_PRIVATE, size_bytes, _IPC_CREAT | 0o600)
    if segment < 0:
        raise cause
    try:
        return SharedMemory(~segment, size_bytes, is_writable=False)
    finally:
        # Linux frees it with the last process that has it, however that ends, and lets others in until then.
        libc.shmctl(segment, _IPC_RMID, None)


def _attached(segment: int, size_bytes: int, flags: int) -> tuple[int, memoryview]:
    import ctypes  # noqa: PLC0415 - 1 MB, which the capture process seldom needs

    address = _libc().shmat(segment, None, flags)
    if address in (None, ctypes.c_void_p(-1).value):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return address, memoryview((ctypes.c_char * size_bytes).from_address(address)).cast("B")


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - as above

    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmget.argtypes = ctypes.c_int, ctypes.c_size_t, ctypes.c_int
    libc.shmat.argtypes = ctypes.c_int, ctypes.c_void_p, ctypes.c_int
    libc.shmat.restype = ctypes.c_void_p
    libc.shmdt.argtypes = (ctypes.c_void_p,)
    return libc
