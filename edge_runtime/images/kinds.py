"""Kinds of picture files: one list of what edgecls reads, and what the others are called, by their content.

A name says little: phones write HEIC with `.jpg`, browsers save `.jfif`, and many files have no suffix.
"""

import re
from pathlib import Path
from typing import NamedTuple

HEAD_BYTES = 512
"""Of a file, enough for `kind_of`."""
NAMED_AS_PICTURE = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff"}
    | {".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".heic", ".heif", ".hif"}
)
"""Suffixes of files that are meant as pictures: where the content is none, that is an error."""


class Kind(NamedTuple):
    """What a file is, by its first bytes."""

    name: str
    cure: str = ""
    """How to get a picture that can be read; empty where edgecls reads it."""
    is_photograph: bool = True
    """Whether who names a folder of photographs means it too."""


JPEG, PNG, GIF, WEBP = Kind("JPEG"), Kind("PNG"), Kind("GIF"), Kind("WebP")
TIFF, BMP, AVIF, JPEG_2000, PNM = Kind("TIFF"), Kind("BMP"), Kind("AVIF"), Kind("JPEG 2000"), Kind("PNM")
READABLE_NAMES = tuple(kind.name for kind in (JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF, JPEG_2000, PNM))
"""What messages and the guide say that edgecls reads."""
_OTHER = Kind("picture")  # Sun raster, Radiance, PFM: whatever else OpenCV may read
_TO_JPEG = "convert it to JPEG or PNG"
HEIC = Kind(
    "HEIC",
    "convert it to JPEG, as with `heif-convert` of libheif-examples, or set the iPhone to Settings > Camera "
    "> Formats > Most Compatible",
)
_SEQUENCE = Kind("HEIC or AVIF sequence", _TO_JPEG)

_STARTS = (
    (b"\xff\xd8", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF8", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"\x59\xa6\x6a\x95", _OTHER),
    (b"#?RADIANCE", _OTHER),
    (b"#?RGBE", _OTHER),
    (b"PF\n", _OTHER),
    (b"Pf\n", _OTHER),
    (b"\xff\x0a", Kind("JPEG XL", _TO_JPEG)),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind("JPEG XL", _TO_JPEG)),
    (b"8BPS", Kind("Photoshop file", _TO_JPEG, False)),
    (b"%PDF-", Kind("PDF", _TO_JPEG, False)),
    (b"\0\0\1\0", Kind("icon file", _TO_JPEG, False)),
    (b"FUJIFILMCCD-RAW", Kind("raw photograph", _TO_JPEG)),
)
_BRANDS = {
    b"avif": AVIF,
    b"avis": _SEQUENCE,
    b"msf1": _SEQUENCE,
    b"hevc": _SEQUENCE,
    b"hevx": _SEQUENCE,
    b"mif1": HEIC,
    b"mif2": HEIC,
    b"heic": HEIC,
    b"heix": HEIC,
    b"heim": HEIC,
    b"heis": HEIC,
    b"crx ": Kind("raw photograph", _TO_JPEG),
}
_PNM = re.compile(rb"P[1-7][ \t\r\n#]")
_SVG = re.compile(
    rb"\s*+(<\?xml[^>]*+>\s*+)?+((?><!--.*?-->)\s*+|<!DOCTYPE svg[^>]*+>\s*+)*+<svg[\s>]", re.DOTALL
)
"""Without going back: many comments can be divided in more ways than anybody has time for."""
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)


def kind_of(content: bytes) -> Kind | None:
    """Returns what a file of pictures is, from its first `HEAD_BYTES` bytes; None for anything else."""
    for start, kind in _STARTS:
        if content.startswith(start):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    if content[4:8] == b"ftyp":
        return _iso_media(content)
    if content[:2] == b"BM" and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return BMP
    if _PNM.match(content):
        return PNM
    return (
        Kind("SVG", _TO_JPEG, False)
        if _SVG.match(content[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf"))
        else None
    )


def is_picture(path: Path) -> bool:
    """Whether a file in a folder or glob is a picture, or is meant as one: the others are passed over."""
    if path.suffix.lower() in NAMED_AS_PICTURE:
        return True
    kind = kind_of_file(path)
    return kind is not None and kind.is_photograph


def kind_of_file(path: Path) -> Kind | None:
    """Returns what a file is; None for anything but a picture, and for what cannot be read."""
    try:
        with path.open("rb") as file:
            return kind_of(file.read(HEAD_BYTES))
    except OSError:
        return None


def _iso_media(content: bytes) -> Kind | None:
    """A file of boxes: a picture by its first brand (ISO/IEC 23008-12), or a video."""
    kind = _BRANDS.get(content[8:12])
    end = min(int.from_bytes(content[:4]), len(content))
    others = {content[at : at + 4] for at in range(16, end - 3, 4)}
    return AVIF if kind is HEIC and b"avif" in others else kind
