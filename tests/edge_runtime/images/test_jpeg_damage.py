import ctypes
import multiprocessing
import os
import random
import re
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.decode import decode, decode_file
from edgecls.edge_runtime.images.decoder_messages import hear
from edgecls.edge_runtime.images.jpeg_damage import STRAY_BYTES
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare_jpeg
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.images.tiff_log import decode_tiff
from tests.edge_runtime.images.pictures import encoded, scene, with_exif

RULE = ImageRule(32, 32)
PHOTO = scene(320, 240)
RESTARTS = (cv2.IMWRITE_JPEG_RST_INTERVAL, 5)
PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
ENCODED = {"baseline": encoded(PHOTO), "restarts": encoded(PHOTO, *RESTARTS)}
ENCODED |= {"progressive": encoded(PHOTO, *PROGRESSIVE)}


def data_at(jpeg: bytes) -> int:
    return jpeg.index(b"\xff\xda") + 14


def with_damage(jpeg: bytes, seed: int) -> bytes:
    """Flips, changes, deletes, inserts, zeroes, repeats or swaps bytes in the middle of a JPEG's data."""
    rng = random.Random(seed)
    size = rng.choice((1, 4, 16, 64, 512))
    at = rng.randrange(data_at(jpeg), len(jpeg) - 2 * size - 2)
    before, part, after = jpeg[:at], jpeg[at : at + size], jpeg[at + size :]
    match seed % 7:
        case 0:
            part = bytes([part[0] ^ 1 << rng.randrange(8)]) + part[1:]
        case 1:
            part = rng.randbytes(size)
        case 2:
            part = b""
        case 3:
            part += rng.randbytes(size)
        case 4:
            part = bytes(size)
        case 5:
            part += part
        case _:
            part, after = after[:size], part + after[size:]
    return before + part + after


def what_libjpeg_prints(jpeg: bytes) -> str:
    """What a plain `cv2.imdecode` puts on the terminal."""
    out, saved = os.memfd_create("stderr"), os.dup(2)
    os.dup2(out, 2)
    try:
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    with os.fdopen(out, "rb") as file:
        file.seek(0)
        return file.read().decode()


@pytest.mark.parametrize("kind", ENCODED)
def test_a_damaged_jpeg_is_refused_wherever_libjpeg_notices(kind: str, capfd):
    jpeg, refused, unnoticed = ENCODED[kind], 0, 0
    for seed in range(140):
        damaged = with_damage(jpeg, seed)
        printed = what_libjpeg_prints(damaged)
        try:
            pixels = decode(damaged, "a.jpg")
        except BadImage:
            refused += 1
            with pytest.raises(BadImage, match=r"^a\.jpg: the JPEG is damaged; copy it again$"):
                prepare_jpeg(damaged, RULE, "a.jpg")
            continue
        if printed and not np.array_equal(pixels, decode(jpeg, "a.jpg")):
            assert "extraneous bytes before marker 0xd" in printed
            assert int(printed.split()[3]) <= STRAY_BYTES
            unnoticed += 1
    assert refused >= 60
    assert unnoticed <= 12
    assert capfd.readouterr() == ("", "")


def stray(jpeg: bytes, marker: bytes, strays: bytes) -> bytes:
    at = jpeg.index(marker)
    return jpeg[:at] + strays + jpeg[at:]


def changed(jpeg: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    at = jpeg.index(marker) + offset
    return jpeg[:at] + value + jpeg[at + len(value) :]


PLAIN, RESTARTED = ENCODED["baseline"], ENCODED["restarts"]
ODD = {
    "before the tables": stray(PLAIN, b"\xff\xdb", b"\x01\x02\x03"),
    "many before the data": stray(PLAIN, b"\xff\xda", bytes(600)),
    "behind the start": stray(PLAIN, b"\xff\xe0", b"\0\0"),
    "before the end": PLAIN[:-2] + b"\x12\x34\x56\x78\x9a\xbc\xde\xf0" + PLAIN[-2:],
    "before a restart": stray(RESTARTED, b"\xff\xd3", b"\xa5\0\0"),
    "before every restart": RESTARTED.replace(b"\xff\xd1", b"\0\0\xff\xd1"),
    "behind the end": PLAIN + bytes(3000),
    "fill bytes": stray(PLAIN, b"\xff\xda", b"\xff\xff\xff"),
    "an unknown JFIF revision": changed(PLAIN, b"JFIF\0", 5, b"\x07"),
    "odd values of the scan": changed(PLAIN, b"\xff\xda", 11, b"\0\x3e\0"),
}


@pytest.mark.parametrize("case", ODD)
def test_harmless_oddities_change_nothing_and_are_not_mentioned(case: str, capfd):
    plain = RESTARTED if "restart" in case else PLAIN
    assert np.array_equal(decode_file(ODD[case], "a.jpg"), decode(plain, "a.jpg"))
    assert np.array_equal(prepare_jpeg(ODD[case], RULE), prepare_jpeg(plain, RULE))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("case", ["before the tables", "an unknown JFIF revision", "odd values of the scan"])
def test_an_oddity_of_the_header_does_not_hide_damage(case: str, capfd):
    odd = ODD[case]
    at = (data_at(odd) + len(odd)) // 2
    with pytest.raises(BadImage, match="damaged"):
        decode(odd[:at] + odd[at + 1000 :], "a.jpg")
    assert capfd.readouterr() == ("", "")


def test_an_interval_lost_behind_stray_bytes_is_noticed():
    first, lost = RESTARTED.index(b"\xff\xd0"), RESTARTED.index(b"\xff\xd3")
    odd = RESTARTED[:first] + b"\0\0" + RESTARTED[first:lost] + RESTARTED[RESTARTED.index(b"\xff\xd4") :]
    with pytest.raises(BadImage, match="damaged"):
        decode(odd, "a.jpg")


@pytest.mark.parametrize("strays", [1, 3])
def test_stray_bytes_in_front_of_restart_markers_do_not_hide_damage(strays: int, capfd):
    """As a Logitech C270 sends them: 4:2:2, an interval of ten units, stray bytes in some."""
    options = (*(cv2.IMWRITE_JPEG_RST_INTERVAL, 10), cv2.IMWRITE_JPEG_SAMPLING_FACTOR)
    plain = encoded(scene(640, 480), *options, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)
    restarts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", plain)]
    assert len(restarts) == 239
    odd = plain
    for index in (150, 60, 7)[:strays]:
        odd = odd[: restarts[index]] + b"\x5a\0\x80" + odd[restarts[index] :]
    assert np.array_equal(decode(odd, "a"), decode(plain, "a"))
    refused = 0
    for interval in range(200, 230):  # behind them
        at = odd.rindex(b"\xff\xd9") - (len(plain) - restarts[interval]) + 20
        damaged = odd[:at] + bytes(60) + odd[at + 60 :]
        printed = what_libjpeg_prints(damaged)
        assert "extraneous" in printed
        with suppress(BadImage):
            decode(damaged, "a")
            continue
        refused += 1
    assert refused >= 20
    assert capfd.readouterr() == ("", "")


def without_tables(jpeg: bytes) -> bytes:
    """As AVI holds JPEGs: the Huffman tables are the standard's, and left out."""
    start = jpeg.index(b"\xff\xc4")
    return jpeg[:start] + jpeg[jpeg.index(b"\xff\xda") :]


@pytest.mark.parametrize(
    "jpeg",
    [
        *ENCODED.values(),
        without_tables(PLAIN),
        with_exif(PHOTO, 6),
        encoded(PHOTO[..., 0]),
        encoded(PHOTO[:7, :5]),
        encoded(PHOTO, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
        encoded(PHOTO, cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    ],
)
def test_good_jpegs_of_all_kinds_are_taken_in_silence(jpeg: bytes, capfd):
    assert np.array_equal(decode_file(jpeg, "a.jpg"), cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1))
    prepare_jpeg(jpeg, RULE)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".gif", ".bmp"])
def test_what_other_decoders_say_stays_off_the_terminal(suffix: str, capfd):
    content = cv2.imencode(suffix, PHOTO)[1].tobytes()
    for damaged in (content[: len(content) // 2], content[:500] + bytes(200) + content[900:]):
        with pytest.raises(BadImage, match="damaged"):
            decode(damaged, "a")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", [5, 7, 8])  # LZW, JPEG, Deflate
def test_a_tiff_whose_data_libtiff_finds_damaged_is_refused(compression: int, capfd):
    content = cv2.imencode(".tiff", PHOTO, [cv2.IMWRITE_TIFF_COMPRESSION, compression])[1].tobytes()
    assert decode(content, "x").shape == PHOTO.shape
    refused, rng = 0, random.Random(0)
    for at in range(len(content) // 4, len(content) // 2, len(content) // 40):
        with suppress(BadImage):
            decode(content[:at] + rng.randbytes(512) + content[at + 512 :], "x")
            continue
        refused += 1
    assert refused >= 5
    libc.perror(b"afterwards")
    assert capfd.readouterr().err.startswith("afterwards")


def test_while_a_tiff_is_decoded_the_lines_of_others_are_passed_on(capfd):
    def decode_and_write() -> np.ndarray:
        os.write(2, b"from Python\n")
        return PHOTO

    assert decode_tiff(decode_and_write) is PHOTO
    assert capfd.readouterr().err == "from Python\n"


# Hearing what a decoder says.

libc = ctypes.CDLL(None)
DAMAGED = next(filter(what_libjpeg_prints, (with_damage(PLAIN, seed) for seed in range(2, 99, 7))))


def test_each_thread_hears_its_own_decoder():
    said: dict[int, set[bool]] = {0: set(), 1: set()}

    def decode_often(index: int) -> None:
        array = np.frombuffer((PLAIN, DAMAGED)[index], np.uint8)
        for _ in range(60):
            said[index].add(bool(hear(cv2.imdecode, array, cv2.IMREAD_COLOR)[1]))

    threads = [threading.Thread(target=decode_often, args=(index,)) for index in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {0: {False}, 1: {True}}


def test_the_lines_of_other_threads_and_of_python_go_where_they_went(capfd):
    def meanwhile() -> None:
        libc.perror(b"from C")
        os.write(2, b"from Python\n")

    def decode_slowly() -> None:
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()
        cv2.imdecode(np.frombuffer(DAMAGED, np.uint8), cv2.IMREAD_COLOR)

    _, said = hear(decode_slowly)
    assert said.startswith("Corrupt JPEG data: ")
    err = capfd.readouterr().err
    assert "from C" in err
    assert "from Python" in err
    assert "Corrupt" not in err
    libc.perror(b"afterwards")
    assert "afterwards" in capfd.readouterr().err


HELD = """
import ctypes, threading, time
import numpy as np
from edgecls.edge_runtime.images.decoder_messages import hear
from edgecls.edge_runtime.images.opencv import cv2

array = np.frombuffer(bytes.fromhex(input()), np.uint8)
heard = []

def decode_often():
    for _ in range(60):
        heard.append(hear(cv2.imdecode, array, 1)[1])

threads = [threading.Thread(target=decode_often) for _ in range(2)]
for thread in threads:
    thread.start()
holding_pythons_lock = ctypes.PyDLL(None)
while any(thread.is_alive() for thread in threads):
    holding_pythons_lock.perror(b"held")
    time.sleep(0.0001)  # so that its lines do not fill the memory
assert len(heard) == 120 and all(text.startswith("Corrupt JPEG data: ") for text in heard), heard
"""


def test_who_holds_pythons_lock_can_write_meanwhile():
    done = subprocess.run(
        [sys.executable, "-c", HELD], check=True, input=DAMAGED.hex(), text=True, capture_output=True
    )
    assert "held: " in done.stderr
    assert "Corrupt" not in done.stderr


def test_it_takes_no_descriptor_and_survives_errors():
    def open_descriptors() -> list[str]:
        return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - iterdir keeps it open longer

    before = open_descriptors()
    assert hear(open_descriptors)[0] == before
    with pytest.raises(ZeroDivisionError):
        hear(lambda: 1 / 0)
    assert what_libjpeg_prints(DAMAGED)
    assert open_descriptors() == before


def test_a_child_forked_meanwhile_hears_and_writes_too(capfd):
    sys.audit("os.fork")  # here, where `make quick` can skip the test

    def child() -> None:
        libc.perror(b"child")
        os._exit(0 if hear(cv2.imdecode, np.frombuffer(DAMAGED, np.uint8), 1)[1] else 1)

    process = multiprocessing.get_context("fork").Process(target=child)

    def fork_in_another_thread() -> None:
        thread = threading.Thread(target=process.start)
        thread.start()
        thread.join()

    hear(fork_in_another_thread)
    process.join()
    assert process.exitcode == 0
    assert "child" in capfd.readouterr().err
