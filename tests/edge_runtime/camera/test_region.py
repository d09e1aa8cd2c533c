"""Region of interest: a camera that changes to a resolution that the region does not fit (row 48)."""

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.region import RegionOutside, parse_roi
from edgecls.edge_runtime.camera.view import View
from edgecls.edge_runtime.images.opencv import cv2
from tests.fakes import FakeSink, FakeSource, fake_classifier

CAT = (0.9, 0.06, 0.04)
LARGE, SMALL, TINY = (640, 480), (320, 240), (100, 75)
"""(width, height)."""


def at(size_px: tuple[int, int], sequence: int, *, as_jpeg: bool) -> Frame:
    """A picture whose left half is black and whose right half is white."""
    pixels = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    pixels[:, size_px[0] // 2 :] = 255
    return Frame(cv2.imencode(".jpg", pixels)[1].tobytes() if as_jpeg else pixels, sequence, 0.0)


def run(view: View, *sizes_px: tuple[int, int], live: bool = True, as_jpeg: bool = True, limit=None):
    given = [at(size_px, number, as_jpeg=as_jpeg) for number, size_px in enumerate(sizes_px, 1)]
    classifier, sink, events = fake_classifier(CAT), FakeSink(), list[Event]()
    loop = Loop(classifier, [sink], limit, view=view, on_event=events.append)
    report = loop.run(FakeSource(given, live=live))
    return report, classifier.engine.images, sink, events


@pytest.mark.parametrize("as_jpeg", [False, True], ids=["pixels", "JPEG"])
def test_by_night_what_there_is_of_the_region_is_classified_and_by_day_all_of_it(as_jpeg):
    view = View(parse_roi("160,0,320,480"))
    report, images, sink, events = run(view, LARGE, SMALL, SMALL, LARGE, LARGE, as_jpeg=as_jpeg)
    assert report.failure is None
    assert (report.frames, len(sink.answers)) == (5, 5)
    assert [image.mean() for image in images] == pytest.approx([127, 255, 255, 127, 127], abs=9)
    assert [(event.kind, event.text) for event in events] == [
        (
            "resolution",
            "--roi 160,0,320,480 does not fit the picture of 320x240; "
            "classifying what there is of it, 160,0,160,240",
        ),
        ("resolution", "--roi 160,0,320,480 fits the picture again"),
    ]


def test_a_picture_without_any_of_the_region_is_left_out_and_counted():
    report, images, sink, events = run(View(parse_roi("160,0,320,480")), LARGE, TINY, TINY, SMALL, LARGE)
    assert (report.frames, len(images), report.left_out, report.skipped) == (3, 3, 2, 0)
    assert "2 outside --roi" in report.text
    assert sink.idled == 2
    texts = [event.text for event in events]
    assert len(texts) == 3
    assert texts[0].endswith("the picture of 100x75; none of it is there, so frames are left out")
    assert events[0].facts == {"roi": "160,0,320,480", "classified": None}
    assert "320x240" in texts[1]
    assert texts[2].endswith("fits the picture again")


def test_the_first_picture_may_be_the_small_one():
    report, _, _, events = run(View(parse_roi("160,0,320,480")), SMALL, LARGE)
    assert (report.frames, report.failure, len(events)) == (2, None, 2)


@pytest.mark.parametrize("rotate", [90, 270])
@pytest.mark.parametrize("flip", [None, "horizontal", "vertical"])
def test_a_rotated_picture_is_measured_as_people_see_it(rotate, flip):
    report, _, _, events = run(View(parse_roi("0,160,480,320"), rotate, flip), LARGE, SMALL)
    assert (report.frames, report.failure) == (2, None)
    assert events[0].text == (
        "--roi 0,160,480,320 does not fit the picture of 240x320; "
        "classifying what there is of it, 0,160,240,160"
    )


def test_shares_fit_every_picture():
    report, _, _, events = run(View(parse_roi("0.25,0.0,0.5,1.0")), LARGE, TINY, LARGE)
    assert (report.frames, events) == (3, [])


@pytest.mark.parametrize(("live", "limit"), [(False, None), (True, 3)])
def test_in_a_one_shot_run_a_region_that_does_not_fit_is_its_end(live, limit):
    report, _, _, events = run(View(parse_roi("160,0,320,480")), LARGE, SMALL, LARGE, live=live, limit=limit)
    assert isinstance(report.failure, RegionOutside)
    assert (report.failure.exit_code, report.frames, events) == (2, 1, [])
