"""Addresses: what the text of --source names."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.sources.address import (
    CsiCamera,
    DemoCamera,
    Device,
    ImageFiles,
    Stream,
    VideoFile,
    least_size_px,
    masked,
    parse_size,
    parse_source,
)
from edgecls.edge_runtime.errors import MissingInput, UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from tests.edge_runtime.images.pictures import HEIC
from tests.mjpeg_server import numbered_picture


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_image(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(cv2.imencode(".png", numbered_picture(1))[1].tobytes())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0", "/dev/video0"),
        ("12", "/dev/video12"),
        ("/dev/video7", "/dev/video7"),
        ("/dev/v4l/by-id/usb-046d_C270-video-index0", "/dev/v4l/by-id/usb-046d_C270-video-index0"),
        ("/dev/door", "/dev/door"),  # a name that udev gives, where the camera is not plugged in
    ],
)
def test_a_camera_is_named_by_index_or_path_even_while_it_is_unplugged(text, path):
    assert parse_source(text) == Device(path)


@pytest.mark.parametrize(
    ("text", "camera"),
    [("csi", CsiCamera()), ("csi:0", CsiCamera()), ("csi:1", CsiCamera(1)), ("demo", DemoCamera())],
)
def test_other_cameras_have_names_which_no_folder_takes_away(text, camera):
    Path(text).mkdir()

    assert parse_source(text) == camera
    with pytest.raises(UsageError, match="no images in this folder"):
        parse_source(f"./{text}")


@pytest.mark.parametrize(
    ("text", "shown"), [("csi", "csi"), ("csi:0", "csi"), ("csi:1", "csi:1"), ("demo", "demo")]
)
def test_they_are_shown_as_they_are_typed(text, shown):
    assert parse_source(text).description == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7/stream.mjpg",
        "https://user:pass@cam.local:8443/video",
        "rtsp://admin:p%40ss@10.0.0.7:554/live?channel=1",
        "rtsps://[fe80::1]/",
        "http://[fe80::1%eth0]/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_an_address_on_the_network_is_a_stream(url):
    assert parse_source(url) == Stream(url)


@pytest.mark.parametrize("scheme", ["HTTP", "Https", "RTSP", "rtspS"])
def test_a_scheme_may_be_written_in_capitals(scheme):
    assert parse_source(f"{scheme}://Admin:Pass@cam/Live") == Stream(
        f"{scheme.lower()}://Admin:Pass@cam/Live"
    )


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("concat:a.mp4|b.mp4", "concat"),
        ("file:///etc/passwd", "file"),
        ("data:image/png;base64,AAAA", "data"),
        ("tcp://10.0.0.7:99", "tcp"),
        ("FTP://host/a.mp4", "ftp"),
        ("subfile,,start,0,end,0,,:a.mp4", None),
        ("pipe:0", "pipe"),
    ],
)
def test_other_schemes_are_refused(text, scheme):
    if scheme is None:  # FFmpeg's odd spelling is no scheme for us, and no file either
        with pytest.raises(MissingInput):
            parse_source(text)
        return
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert str(caught.value) == (
        f"source scheme not allowed: {scheme}; use an index, csi, demo, a path, rtsp(s) or http(s)"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http:",
        "http://",
        "rtsp:///live",
        "http://host:port/",
        "rtsp://admin:pa/ss@10.0.0.7/",
        "rtsp://admin:p ss@10.0.0.7/",
        "http://[::1/",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_repeating_it(url):
    with pytest.raises(UsageError, match=r"no valid host and port in the (http|rtsp) URL") as caught:
        parse_source(url)
    assert "ss@" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a\nb", "http://host/\r\nX: y", "a\0b"])
def test_nothing_and_control_characters_are_refused(text):
    with pytest.raises(UsageError, match="empty, or with control characters; use an index"):
        parse_source(text)


@pytest.mark.parametrize("name", ["clip.avi", "concat:a|b", "http:", "0x", "clip[1].mp4", "Vidéo 1.mp4"])
def test_a_file_that_exists_is_that_file_whatever_it_looks_like(name):
    Path(name).write_bytes(b"\0video")

    assert parse_source(name) == VideoFile(Path(name))


def test_an_image_is_known_by_its_suffix_or_its_content():
    write_image("a.png")
    write_image("without suffix")
    Path("text.JPG").write_text("not an image, but meant as one")

    for name, content in {"phone": HEIC, "cat.mp4": HEIC, "x.jfif": b"?", "x.HEIC": b"?"}.items():
        Path(name).write_bytes(content)

    for name in ("a.png", "without suffix", "text.JPG", "phone", "cat.mp4", "x.jfif", "x.HEIC"):
        assert parse_source(name) == ImageFiles((Path(name),), name)


def test_a_folder_gives_its_images_in_the_order_a_person_counts():
    for name in ("b/frame10.png", "b/frame2.png", "b/frame1.png", "b/inner/no.png"):
        write_image(name)
    Path("b/notes.txt").write_text("not an image")
    os.mkfifo("b/pipe.png")
    shutil.copy("b/frame1.png", "b/frame3")  # by content, as training does
    for name in ("b/4.JFIF", "b/5.heic", "b/._1.png", "b/Thumbs.db", "b/a.mp4", "b/a.pdf"):
        Path(name).write_bytes(b"%PDF-1.4" if name == "b/a.pdf" else b"?")

    images = parse_source("b")

    assert [path.name for path in images.paths] == [
        *("4.JFIF", "5.heic", "frame1.png", "frame2.png", "frame3", "frame10.png")
    ]
    assert [path.name for path in images.passed_over] == [
        *("Thumbs.db", "a.mp4", "a.pdf", "notes.txt", "pipe.png")
    ]
    assert images.description == "b"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("in/*.png", ["1.png", "02.png", "x[1].png"]),
        ("in/*", ["1.png", "02.png", "x[1].png"]),
        ("**/*.png", ["1.png", "02.png", "deep/3.png", "x[1].png"]),
        ("in/[0-9].png", ["1.png"]),
        ("in/x[1].png", ["x[1].png"]),  # the file itself, not the pattern
    ],
)
def test_a_glob_gives_its_images(pattern, names):
    for name in ("1.png", "02.png", "x[1].png", "deep/3.png"):
        write_image(f"in/{name}")
    Path("in/notes.txt").write_text("not an image")

    assert [str(path.relative_to("in")) for path in parse_source(pattern).paths] == names


@pytest.mark.parametrize("text", ["C:\\videos\\door.mp4", "c:/videos/door.mp4", "D:door.mp4"])
def test_a_drive_of_windows_is_no_scheme(text):
    with pytest.raises(MissingInput, match="no such file") as caught:
        parse_source(text)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("text", ["nothing.avi", "no/such/folder/", "*.png", "-1", "x" * 5000])
def test_what_is_not_there_is_missing(text):
    with pytest.raises(MissingInput, match=r"; (check the|use an index, csi)"):
        parse_source(text)


def test_a_glob_of_other_files_says_what_it_takes():
    Path("a.mp4").write_bytes(b"\0")

    with pytest.raises(UsageError, match=r"\*\.mp4: matches no image; .* name one video"):
        parse_source("*.mp4")


def test_a_folder_with_images_in_sub_folders_only_says_where_they_are():
    write_image("photos/cats/1.png")
    with pytest.raises(UsageError, match=r"photos: its images are in sub-folders; .* glob 'photos/\*\*/\*'$"):
        parse_source("photos")

    assert [str(path) for path in parse_source("photos/**/*").paths] == ["photos/cats/1.png"]


def test_a_folder_without_images_is_refused():
    Path("empty").mkdir()

    with pytest.raises(UsageError, match="empty: no images in this folder"):
        parse_source("empty")


def test_what_could_block_is_refused_at_once(within):
    os.mkfifo("fifo")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    for name, what in (("fifo", "a FIFO"), ("socket", "a socket"), ("/dev/tty", "not a camera")):
        with within(1), pytest.raises(UsageError, match=f"{name}: {what}; use an index"):
            parse_source(name)
    listener.close()


def test_a_camera_is_known_by_its_device_number():
    try:
        os.mknod("camera", 0o600 | 0o020000, os.makedev(81, 200))
    except PermissionError:
        pytest.skip("needs root to make a device")

    assert parse_source("camera") == Device("camera")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://10.0.0.7/live", "rtsp://10.0.0.7/live"),
        ("rtsp://admin:secret@10.0.0.7:554/live", "rtsp://admin:***@10.0.0.7:554/live"),
        ("rtsp://admin:p@ss:secret@10.0.0.7/", "rtsp://admin:***@10.0.0.7/"),
        ("http://secret@cam/", "http://***@cam/"),
        ("http://cam/?user=a&pwd=secret&size=1", "http://cam/?user=a&pwd=***&size=1"),
        ("http://cam/?api_key=secret;x&TOKEN=secret#secret", "http://cam/?api_key=***&TOKEN=***"),
    ],
)
def test_secrets_of_an_address_are_not_shown(url, shown):
    assert masked(url) == shown
    assert Stream(url).description == shown


@pytest.mark.parametrize(("text", "size_px"), [("640x480", (640, 480)), (" 1280X720 ", (1280, 720))])
def test_a_size_is_width_by_height(text, size_px):
    assert parse_size(text) == size_px


@pytest.mark.parametrize("text", ["640", "640x", "0x480", "-1x2", "640x480x3", "999999x1", ""])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(UsageError, match="not a size; write WIDTHxHEIGHT, such as 640x480"):
        parse_size(text)


def test_a_camera_gives_four_times_the_networks_sides_and_more_for_a_person():
    rule = ImageRule(height_px=96, width_px=128)

    assert least_size_px(rule, is_watched=False) == (512, 384)
    assert least_size_px(rule, is_watched=True) == (640, 480)
    assert least_size_px(ImageRule(224, 224), is_watched=True) == (896, 896)


def test_a_path_may_begin_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "door.mp4").write_bytes(b"video")
    address = parse_source("~/door.mp4")
    assert address.description == str(tmp_path / "door.mp4")
