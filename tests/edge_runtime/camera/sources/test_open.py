"""Opening a source by its text."""

import os

import pytest

from edgecls.edge_runtime.camera.sources.capture import Capture
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.camera.sources.source import Stills
from edgecls.edge_runtime.camera.sources.video import Video
from edgecls.edge_runtime.errors import BadImage, MissingInput, UsageError
from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import numbered_picture


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Holds one image, one video, and what is neither."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("a.png", numbered_picture(1))
    writer = cv2.VideoWriter("a.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    writer.write(numbered_picture(1))
    writer.release()
    (tmp_path / "text.jpg").write_text("words")
    (tmp_path / "empty").mkdir()
    os.mkfifo("fifo")


@pytest.mark.parametrize(
    ("text", "kind", "live", "description"),
    [
        ("0", Capture, True, "/dev/video0"),
        ("csi", Capture, True, "csi"),
        ("/dev/video3", Capture, True, "/dev/video3"),
        ("rtsp://admin:secret@camera/live", Capture, True, "rtsp://admin:***@camera/live"),
        ("a.avi", Video, False, "a.avi"),
        ("a.png", Stills, False, "a.png"),
        ("*.png", Stills, False, "*.png"),
        (".", Stills, False, "."),
    ],
)
def test_each_kind_of_source_is_known_by_its_text(text, kind, live, description):
    source = open_source(text, one_shot=True)

    assert type(source) is kind
    assert source.live is live
    assert source.description == description


@pytest.mark.parametrize(
    ("text", "error", "exit_code"),
    [
        ("fifo", UsageError, 2),
        ("empty", UsageError, 2),
        ("concat:a.avi|a.avi", UsageError, 2),
        ("gone.avi", MissingInput, 66),
    ],
)
def test_what_cannot_be_a_source_is_refused_within_a_second(text, error, exit_code, within):
    with within(1), pytest.raises(error) as caught:
        open_source(text, one_shot=False)

    assert caught.value.exit_code == exit_code


def test_a_text_named_as_an_image_is_bad_data():
    with open_source("text.jpg", one_shot=True) as source, pytest.raises(BadImage, match="not an image"):
        source.read(0)


@pytest.mark.parametrize("text", ["a.avi", "a.png"])
def test_a_source_gives_frames(text):
    with open_source(text, one_shot=True) as source:
        assert source.read(0).pixels.shape == (120, 160, 3)


def test_a_source_is_looped_over_to_its_end():
    with open_source("*.png") as source:
        assert [frame.name for frame in source] == ["a.png"]
        assert list(source) == []


def test_an_error_ends_the_loop_over_a_source():
    with open_source("text.jpg") as source, pytest.raises(BadImage):
        list(source)


@pytest.mark.parametrize("realtime", [False, True])
def test_a_video_plays_at_its_own_rate_where_that_is_asked_for(realtime):
    with open_source("a.avi", realtime=realtime) as source:
        assert [frame.position_s for frame in source] == [0]
