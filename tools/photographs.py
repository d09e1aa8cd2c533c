"""Free photographs from two packages of Debian, to calibrate and try the built-in model `imagenet` with.

    apt-get download gcompris-qt-data=3.1-2 python3-skimage=0.19.3-8
    python -m tools.photographs PHOTOGRAPHS *.deb

writes 251 of them, in the public domain or under a Creative Commons licence, as they are in the packages.
Nothing of theirs is in edgecls but the few that NOTICE names.
"""

import hashlib
import io
import struct
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from edgecls.edge_runtime.files import MODEL_BYTES, read_whole, write_whole

PACKAGES = {
    "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f": "gcompris-qt-data 3.1-2",
    "728d88c3e3440f1f3712de0805dc834d29248ff07e1eec8c0f3da07606f752f9": "python3-skimage 0.19.3-8",
}
"""SHA-256 of each package, and its name."""

_FOLDERS = (
    *(
        f"categorization/resource/images/{name}"
        for name in ("fishes", "monuments", "others", "renewable", "tools")
    ),
    *("erase/resource", "explore_farm_animals/resource/animals", "explore_world_animals/resource/animals"),
    *(
        f"explore_monuments/resource/{name}"
        for name in ("egypt", "france", "germany", "india", "usa", "wonders")
    ),
)
_OF_SKIMAGE = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")

LABELLED = {
    "erase_bee": "bee",
    "erase_chamaeleon": "chameleon",
    "erase_cheetah": "cheetah",
    "erase_crab": "rock crab",
    "erase_gibbon": "gibbon",
    "erase_gorilla": "gorilla",
    "erase_gosling": "goose",
    "erase_kitten": "tabby cat",
    "erase_long_nosed_monkey": "proboscis monkey",
    "erase_macaque": "macaque",
    "erase_meerkats": "meerkat",
    "erase_nubian_ibex": "Alpine ibex",
    "erase_red_panda": "red panda",
    "erase_spoonbills": "spoonbill",
    "erase_squirrel": "fox squirrel",
    "erase_toucan": "toucan",
    "explore_farm_animals_chicken": "hen",
    "explore_farm_animals_dog": "German Shepherd Dog",
    "explore_farm_animals_duck": "duck",
    "explore_farm_animals_pig": "pig",
    "explore_world_animals_bison": "bison",
    "explore_world_animals_dragon": "Komodo dragon",
    "explore_world_animals_jaguar": "jaguar",
    "explore_world_animals_kangaroo": "wallaby",
    "explore_world_animals_koala": "koala",
    "explore_world_animals_lemur": "ring-tailed lemur",
    "explore_world_animals_panda": "giant panda",
    "explore_world_animals_polar_bear": "polar bear",
    "explore_world_animals_scarlet_macaw": "macaw",
    "fishes_fish25": "goldfish",
    "fishes_fish28": "pufferfish",
    "fishes_fish9": "clownfish",
    "others_baseball": "baseball",
    "others_bucket": "bucket",
    "others_buffetset": "tea cup",
    "others_cup": "tea cup",
    "others_erasers": "eraser",
    "others_pan": "frying pan",
    "others_pillow": "pillow",
    "others_plate": "plate",
    "others_volleyball": "volleyball",
    "others_weighingMachine": "weighing scale",
    "skimage_coffee": "espresso",
    **{f"tools_hammer{number}": "hammer" for number in range(1, 10)},
    **{f"tools_screwDriver{number}": "screwdriver" for number in ("", 1, 2, 3)},
}
"""Those that show one thing which is a class of ImageNet, named by eye before any network saw them."""


def extract(package: Path) -> dict[str, bytes]:
    """Returns the photographs of a package by name, with their files' suffixes.

    Raises:
        SystemExit: the package is not one of those that were looked at.
    """
    content = read_whole(package, MODEL_BYTES)
    found = hashlib.sha256(content).hexdigest()
    if found not in PACKAGES:
        raise SystemExit(f"{package}: SHA-256 {found}; not one of {', '.join(PACKAGES.values())}")
    photographs: dict[str, bytes] = {}
    for path, file in _files_of_package(content):
        if path.endswith(".rcc"):
            photographs |= dict(_photographs_of_activity(file))
        elif "/skimage/data/" in path and path.endswith(_OF_SKIMAGE):
            photographs[f"skimage_{Path(path).name}"] = file
    return photographs


def _photographs_of_activity(resources: bytes) -> Iterator[tuple[str, bytes]]:
    for path, file in _files_of_resources(resources):
        folder, _, name = path.partition("/activities/")[2].rpartition("/")
        if folder in _FOLDERS and name.endswith(".webp"):
            activity, *_, last = folder.split("/")
            yield f"{last if activity in _DIVIDED else activity}_{name}", file


_DIVIDED = ("categorization", "explore_monuments")


def _files_of_package(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields what a .deb installs: it is an `ar` archive with a tar inside, see deb(5)."""
    at = len(b"!<arch>\n")
    while at < len(content):
        name, size = content[at : at + 16].decode().strip(), int(content[at + 48 : at + 58])
        at += 60
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(content[at : at + size])) as archive:
                for member in archive:
                    if member.isfile() and (file := archive.extractfile(member)):
                        yield member.name, file.read()
        at += size + size % 2


def _files_of_resources(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields the files of Qt's binary resources (.rcc): a tree of nodes, their names in UTF-16, the data."""
    version, tree, data, names = struct.unpack_from(">4I", content, 4)
    node_bytes = 14 if version < 2 else 22

    def walk(number: int, path: str) -> Iterator[tuple[str, bytes]]:
        at = tree + number * node_bytes
        name_at, flags = struct.unpack_from(">IH", content, at)
        if number:
            (length,) = struct.unpack_from(">H", content, names + name_at)
            start = names + name_at + 6
            path = f"{path}/{content[start : start + 2 * length].decode('utf-16-be')}"
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">II", content, at + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
        else:
            start = data + struct.unpack_from(">I", content, at + 10)[0]
            (length,) = struct.unpack_from(">I", content, start)
            file = content[start + 4 : start + 4 + length]
            yield path, zlib.decompress(file[4:]) if flags & 1 else file

    return walk(0, "")


def main(folder: Path, packages: list[Path]) -> None:
    """Writes the photographs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    photographs = {name: content for package in packages for name, content in extract(package).items()}
    for name, content in photographs.items():
        write_whole(folder / name, content)
    print(f"{folder}: {len(photographs)} photographs")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
