"""Whether a video file was cut short, told by its container's own sizes.

The number of frames in a header does not tell: healthy files hold fewer than they state. Measured: an MP4
trimmed without encoding, 78 of 120 (an edit list hides the rest); an AVI, MKV or WebM of variable frame rate,
38 of 120 (empty chunks and the duration are counted); a short WMV, 1 of 33. Sizes are exact.
"""

import os
from pathlib import Path
from typing import BinaryIO

_EBML_HEADER, _EBML_SEGMENT = 0x1A45DFA3, 0x18538067


def is_cut_short(path: Path) -> bool:
    """Whether an AVI, MP4, MOV, MKV or WebM states more bytes than it has.

    Other containers (MPEG, FLV, WMV, raw streams), and those whose writer could not go back to fill in the
    size, promise nothing: False.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] == b"RIFF":
            end = _riff_end(file, size_bytes)
        elif start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            end = _iso_media_end(file, size_bytes)
        elif start[:4] == _EBML_HEADER.to_bytes(4, "big"):
            end = _matroska_end(file)
        else:
            end = 0
    return end > size_bytes


def _riff_end(file: BinaryIO, size_bytes: int) -> int:
    """Where the last RIFF chunk ends; a file over 1 GB has several (OpenDML)."""
    end = 0
    while end < size_bytes:
        file.seek(end)
        header = file.read(8)
        length = int.from_bytes(header[4:], "little")
        if header[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):  # trailing bytes, or a writer that was stopped
            break
        end += 8 + length
    return end


def _iso_media_end(file: BinaryIO, size_bytes: int) -> int:
    """Where the last box at the top level ends (ISO/IEC 14496-12, section 4.2)."""
    end = 0
    while end + 8 <= size_bytes:
        file.seek(end)
        length = int.from_bytes(file.read(4), "big")
        kind = file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8 or not kind.isalnum():  # 0 means "to the end of the file"; else trailing bytes
            break
        end += length
    return end


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends, or 0 where its size is unknown (RFC 8794, sections 4 and 5)."""
    header_size = _ebml_element(file, _EBML_HEADER)
    if header_size is None:
        return 0
    file.seek(header_size, os.SEEK_CUR)
    segment_size = _ebml_element(file, _EBML_SEGMENT)
    return 0 if segment_size is None else file.tell() + segment_size


def _ebml_element(file: BinaryIO, identifier: int) -> int | None:
    """The size that the next element states, if it is the one looked for and states one."""
    if file.read(4) != identifier.to_bytes(4, "big"):
        return None
    first = file.read(1)
    if first in (b"", b"\0"):
        return None
    length_bytes = 9 - first[0].bit_length()  # the leading zeros tell how many bytes the size has
    value_bits = 7 * length_bytes
    size = int.from_bytes(first + file.read(length_bytes - 1), "big") & (1 << value_bits) - 1
    return None if size == (1 << value_bits) - 1 else size  # all ones: not known
