"""Messages between a source and its capture process."""

import os

import pytest

from edgecls.edge_runtime.camera.sources.capture_process import (
    CaptureNotice,
    CaptureRequest,
    NoticeReader,
    NoticeWriter,
)
from edgecls.edge_runtime.camera.sources.frame_slot import WriterEnds


@pytest.fixture
def pipe():
    take, put = os.pipe()
    reader = NoticeReader(take)
    yield reader, put
    reader.close()


@pytest.mark.parametrize("device", ["/dev/video0", "/dev/v4l/by-id/Kamera für\nalle", "/dev/\udcff"])
def test_a_request_survives_the_wire(device):
    request = CaptureRequest(device, "rtsp://a:ü@b/", 7, 5.0, WriterEnds(3, 4, 5, 6), 8, least_px=(640, 480))
    line = request.to_line()

    assert line.count(b"\n") == 1
    assert CaptureRequest.from_line(line) == request


def test_notices_arrive_in_order_whatever_the_pieces(pipe):
    reader, put = pipe
    sent = [CaptureNotice("opening"), CaptureNotice("opened", width_px=640, height_px=480, rate_fps=30.0)]
    other_take, other_put = os.pipe()
    writer = NoticeWriter(other_put)
    for notice in sent:
        writer.send(notice)
    received = []
    for byte in os.read(other_take, 10_000):
        os.write(put, bytes([byte]))
        received += reader.receive()
    for descriptor in (other_take, other_put, put):
        os.close(descriptor)

    assert received == sent


def test_nothing_yet_is_no_notice_and_not_the_end(pipe):
    reader, put = pipe

    assert reader.receive() == []
    assert not reader.ended
    os.close(put)


def test_the_end_of_the_writer_is_seen_after_its_last_notice(pipe):
    reader, put = pipe
    NoticeWriter(put).send(CaptureNotice("ended"))
    os.close(put)

    assert reader.receive() == [CaptureNotice("ended")]
    assert reader.ended


def test_a_writer_never_waits_for_a_reader_that_does_not_read(pipe):
    _, put = pipe
    writer = NoticeWriter(put)
    for _ in range(10_000):
        writer.send(CaptureNotice("failed", text="x" * 100))
    os.close(put)


def test_a_writer_does_not_mind_a_reader_that_is_gone():
    take, put = os.pipe()
    os.close(take)
    NoticeWriter(put).send(CaptureNotice("ended"))
    os.close(put)
