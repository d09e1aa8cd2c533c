"""A damaged picture is never classified, wherever it comes from (rows 10 and 50)."""

from pathlib import Path

from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.errors import BadImage
from tests.edge_runtime.images.pictures import damaged, encoded, scene
from tests.fakes import FakeSink, FakeSource, fake_classifier, frames
from tests.mjpeg_server import MjpegServer, read_number

CAT = (0.9, 0.06, 0.04)


class Until(FakeSink):
    """Stops the loop after so many answers."""

    def __init__(self, answers: int, stop: StopRequest) -> None:
        super().__init__()
        self._answers, self._stop = answers, stop

    def write(self, answer) -> None:
        super().write(answer)
        if len(self.answers) == self._answers:
            self._stop.request()


def test_a_cameras_jpegs_with_missing_bytes_are_counted_and_dropped(capfd):
    stop, events = StopRequest(), list[Event]()
    sink = Until(6, stop)
    with MjpegServer(fault="gap") as server:
        report = Loop(fake_classifier(CAT), [sink], stop=stop, on_event=events.append).run(
            open_source(server.url)
        )
    assert all(read_number(answer.frame.pixels) % 2 == 0 for answer in sink.answers)
    assert report.corrupt_frames >= 3
    assert report.frames == 6
    assert any("the JPEG is damaged" in event.text for event in events if event.kind == "corrupt")
    assert capfd.readouterr() == ("", "")


def damaged_frames(count: int) -> list[Frame]:
    return [Frame(damaged(encoded(scene(320, 240))), number, 0.0) for number in range(count)]


def test_a_damaged_picture_is_not_the_one_of_a_run_of_one():
    source = FakeSource([*damaged_frames(3), *frames(2)], live=True)
    report = Loop(fake_classifier(CAT), [sink := FakeSink()], 1).run(source)
    assert (report.failure, report.frames, report.corrupt_frames) == (None, 1, 3)
    assert len(sink.answers) == 1


def test_a_camera_that_gives_nothing_else_ends_a_run_of_one():
    report = Loop(fake_classifier(CAT), [], 1).run(FakeSource([*damaged_frames(10), *frames(1)], live=True))
    assert isinstance(report.failure, BadImage)
    assert (report.frames, report.corrupt_frames) == (0, 9)


def test_a_good_picture_between_them_starts_the_count_anew():
    """Nine in a row, twice: no ten in a row."""
    given = [*damaged_frames(9), *frames(1), *damaged_frames(9), *frames(1)]
    report = Loop(fake_classifier(CAT), [], 2).run(FakeSource(given, live=True))
    assert (report.failure, report.frames, report.corrupt_frames) == (None, 2, 18)


def test_in_a_folder_they_are_named_and_the_others_answered(tmp_path: Path, capfd):
    good = encoded(scene(320, 240))
    for number, content in enumerate((good, damaged(good), good)):
        (tmp_path / f"{number}.jpg").write_bytes(content)
    events, sink = list[Event](), FakeSink()
    report = Loop(fake_classifier(CAT), [sink]).run(open_source(str(tmp_path), on_event=events.append))
    assert [Path(answer.frame.name).name for answer in sink.answers] == ["0.jpg", "2.jpg"]
    assert [event.text for event in events] == [
        f"skipped {tmp_path}/1.jpg: the JPEG is damaged; copy it again"
    ]
    assert isinstance(report.failure, BadImage)
    assert capfd.readouterr() == ("", "")
