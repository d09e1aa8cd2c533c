"""Pictures of few bytes that keep a decoder busy, or fill the memory; each is made where it is needed."""

import struct
import zlib


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _frame(marker: int, width_px: int, height_px: int, components: int) -> bytes:
    each = b"".join(bytes((number + 1, 0x11, 0)) for number in range(components))
    return segment(marker, struct.pack(">BHHB", 8, height_px, width_px, components) + each)


def _code(table: int, symbol: int) -> bytes:
    """A Huffman table of one code, a single 0."""
    return segment(0xC4, bytes((table, 1)) + bytes(15) + bytes((symbol,)))


def _scan(components: tuple[int, ...], first: int, last: int, bits: int) -> bytes:
    each = b"".join(bytes((number, 0)) for number in components)
    return segment(0xDA, bytes((len(components),)) + each + bytes((first, last, bits)))


_QUANTISATION = segment(0xDB, b"\0" + bytes([1] * 64))


def progressive(width_px: int, height_px: int, scans: int) -> bytes:
    """A grey JPEG whose scans, but for the first, say of each block that it does not change."""
    blocks = -(-width_px // 8) * -(-height_px // 8)
    runs = "0" + "1" * 14  # of 32,767 blocks each
    bits = runs * -(-blocks // 32_767)
    bits += "1" * (-len(bits) % 8)
    empty = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    first = _scan((1,), 0, 0, 1) + bytes(blocks // 8 + 1)
    rest = (_scan((1,), 1, 63, 0) + empty) * (scans - 1)
    tables = _QUANTISATION + _frame(0xC2, width_px, height_px, 1) + _code(0, 0) + _code(0x10, 0xE0)
    return b"\xff\xd8" + tables + first + rest + b"\xff\xd9"


def sequential(width_px: int, height_px: int, *, scans: int = 1, before: bytes = b"") -> bytes:
    """A JPEG of three components, in one scan or in many of one component each."""
    blocks = -(-width_px // 8) * -(-height_px // 8)
    tables = before + _QUANTISATION + _frame(0xC0, width_px, height_px, 3) + _code(0, 0) + _code(0x10, 0)
    together = _scan((1, 2, 3), 0, 63, 0) + bytes(blocks * 6 // 8 + 1)
    each = b"".join(_scan((1 + number % 3,), 0, 63, 0) + bytes(blocks // 4 + 1) for number in range(scans))
    return b"\xff\xd8" + tables + (together if scans == 1 else each) + b"\xff\xd9"


def png(width_px: int, height_px: int, *, before: bytes = b"", after: bytes = b"") -> bytes:
    """A black PNG with chunks before and after its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes((1 + 3 * width_px) * height_px)))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + after + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def texts(megabytes: int) -> dict[bytes, bytes]:
    """Chunks that unpack to so much, by their names."""
    packed = zlib.compress(bytes(megabytes << 20), 9)
    profile = zlib.compress(struct.pack(">I", megabytes << 20) + bytes((megabytes << 20) - 4), 9)
    return {
        b"zTXt": chunk(b"zTXt", b"Comment\0\0" + packed),
        b"iTXt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed),
        b"iCCP": chunk(b"iCCP", b"x\0\0" + profile),
    }


def tiff(side_px: int, *, data: bytes, compression: int = 1, tile_px: int = 0, samples: int = 3) -> bytes:
    """A TIFF of one strip, or one tile."""
    where, size = (324, 325) if tile_px else (273, 279)
    entries = [(256, side_px), (257, side_px), (258, 8), (259, compression), (262, 2 if samples == 3 else 1)]
    entries += [(where, 8), (277, samples), (size, len(data)), (284, 1)]
    entries += [(322, tile_px), (323, tile_px)] if tile_px else [(278, side_px)]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries))
    content = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(entries)) + directory
    return content + bytes(4)


def tiff_of_shared_entries(pages: int, entries: int) -> bytes:
    """A TIFF whose directories overlap, so that each has as many entries as all of the file."""
    content = bytearray(8 + 2 + 12 * (entries + pages) + 64)
    struct.pack_into("<4sI", content, 0, b"II*\0", 8)
    for page in range(pages):
        at = 8 + 12 * page
        struct.pack_into("<H", content, at, entries)
        if page < pages - 1:
            struct.pack_into("<I", content, at + 2 + 12 * entries, at + 12)
    return bytes(content)
