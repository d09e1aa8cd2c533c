"""The inbox: what is kept of a camera's frames, what goes first, and what is left after a failure."""

import json
import random
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.inbox import folder as inbox_folder
from edgecls.edge_runtime.camera.inbox.folder import CameraOrigin, CandidateFrame, InboxFolder
from edgecls.edge_runtime.camera.inbox.kept import Kept, first_to_go, margin_of, packed, unpacked
from edgecls.edge_runtime.camera.inbox.sink import CHOICE_S, Inbox
from edgecls.edge_runtime.camera.loop import StopRequest
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.camera.outputs.destination import Carrying, Farewell
from edgecls.edge_runtime.camera.session import check_options
from edgecls.edge_runtime.camera.view import View
from edgecls.edge_runtime.errors import BadConfiguration, OutputFailed, UsageError
from edgecls.edge_runtime.images.look import look_of
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.locks import LockedFolder
from edgecls.edge_runtime.prediction import Prediction
from edgecls.edge_runtime.service.plan import plan_service
from tests.fakes import Clock, answer

ORIGIN = CameraOrigin("a.tflite", "12ab", "cam", ImageRule(32, 32), View())
BEGIN = datetime(2026, 12, 1, 14, 23, 55, tzinfo=UTC)


def scene(seed: int) -> bytes:
    """A JPEG unlike those of other seeds."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    pixels = cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def guess(margin: float, label: str = "cat") -> Prediction:
    return Prediction(((label, 0.5 + margin / 2), ("dog", 0.5 - margin / 2)), label)


def candidate(at: int, reason=None, margin: float = 0.5, seed: int | None = None, draw: float = 0.5):
    frame = Frame(scene(at if seed is None else seed), at, float(at))
    return CandidateFrame(answer(frame, guess(margin)), margin, draw, BEGIN + timedelta(seconds=at), reason)


def keep(folder: InboxFolder, *candidates: CandidateFrame) -> None:
    for each in candidates:
        folder.deliver(each, Carrying(0.0))


def notes(path: Path) -> list[Kept]:
    """Of every picture, in the order of time; each picture has one, and nothing else lies there."""
    assert {file.stem for file in path.glob("*.jpg")} == {file.stem for file in path.glob("*.json")}
    assert all(file.suffix in (".jpg", ".json") for file in path.iterdir())
    found = [Kept.read(file) for file in sorted(path.glob("*.json"))]
    assert None not in found
    return [kept for kept in found if kept]


def test_a_picture_is_kept_as_it_came_with_what_the_model_said(tmp_path: Path):
    with closing(InboxFolder(tmp_path / "in", ORIGIN)) as folder:
        keep(folder, candidate(3, "unsure", margin=0.125))
    (kept,) = notes(tmp_path / "in")
    assert (tmp_path / "in" / "20261201_142358_000.jpg").read_bytes() == scene(3)
    assert (kept.reason, kept.guess, kept.margin, kept.unlike, kept.sequence) == (
        "unsure",
        "cat",
        0.125,
        1,
        3,
    )
    assert kept.scores == (("cat", 0.5625), ("dog", 0.4375))
    assert (kept.model, kept.model_sha256, kept.source) == ("a.tflite", "12ab", "cam")
    assert kept.taken_at == "2026-12-01T14:23:58.000+00:00"


def test_two_pictures_of_the_same_moment_are_both_kept(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(
            folder,
            candidate(1, "unsure"),
            replace(candidate(2, "changed"), taken_at=BEGIN + timedelta(seconds=1)),
        )
    assert sorted(path.stem for path in tmp_path.glob("*.jpg")) == [
        "20261201_142356_000",
        "20261201_142356_001",
    ]
    assert len(notes(tmp_path)) == 2


def test_near_duplicates_are_kept_once_and_again_with_another_guess(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(folder, candidate(1, "unsure"), candidate(2, "unsure", seed=1))
        other = candidate(3, "unsure", seed=1)
        keep(folder, replace(other, answer=answer(other.answer.frame, guess(0.5, "cup"))))
    assert [kept.guess for kept in notes(tmp_path)] == ["cat", "cup"]


def test_without_a_reason_only_what_is_unlike_everything_seen_is_kept(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(folder, candidate(1), candidate(2, seed=1), candidate(3))
        (tmp_path / "20261201_142356_000.jpg").unlink()  # labelled, and taken away
        keep(folder, candidate(4, seed=1))
    assert [(kept.sequence, kept.reason) for kept in notes(tmp_path)] == [(3, "unlike")]


def test_the_least_useful_goes_first_and_one_worth_less_is_not_kept(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN, most_pictures=3)) as folder:
        keep(folder, *(candidate(at, "unsure", margin) for at, margin in ((1, 0.9), (2, 0.2), (3, 0.2))))
        keep(folder, candidate(4, "unsure", 0.1))
        first = {kept.sequence for kept in notes(tmp_path)}
        keep(folder, candidate(5, "changed", 1.0, draw=0))
    assert len(first) == 3
    assert 4 in first
    kept = notes(tmp_path)
    assert {each.sequence for each in kept} == first
    assert min(each.worth for each in kept) > 1


def test_a_size_is_kept_to_and_an_earlier_run_counts(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(folder, *(candidate(at, "unsure") for at in range(8)))
    most_bytes = sum(file.stat().st_size for file in tmp_path.iterdir()) // 2
    with closing(InboxFolder(tmp_path, ORIGIN, most_bytes=most_bytes)) as folder:
        folder.open()
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= most_bytes
        keep(folder, candidate(9, "unsure", margin=0.0))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= most_bytes
    assert notes(tmp_path)[-1].sequence == 9


def test_random_pictures_are_a_fair_sample_within_their_share():
    chosen = Kept("unsure", "cat", None, (), 1.0, 0.0, 0.5, "t", "b", 1, "m", "d", "s", "")
    lucky, unlucky = replace(chosen, reason="random", draw=0.9), replace(chosen, reason="random", draw=0.1)
    many = {str(number): chosen for number in range(17)}
    assert first_to_go({**many, "lucky": lucky, "unlucky": unlucky}) == "unlucky"
    assert first_to_go({**many, "lucky": lucky}) == "0"
    assert first_to_go({"lucky": lucky, "unlucky": unlucky}) == "unlucky"


def test_pictures_without_a_long_pause_are_one_burst(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(folder, *(candidate(at, "unsure") for at in (0, 200, 400, 800)))
    bursts = [kept.burst for kept in notes(tmp_path)]
    assert bursts[0] == bursts[1] == bursts[2] != bursts[3]


def test_what_a_killed_camera_left_is_tidied_up_and_files_of_others_stay(tmp_path: Path):
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        keep(folder, candidate(1, "unsure"), candidate(2, "unsure"))
    (tmp_path / "20261201_142356_000.jpg").unlink()
    (tmp_path / ".edgecls-part-0123").mkdir()
    (tmp_path / "mine.json").write_text("{}")
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        folder.open()
        assert len(folder) == 1
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["20261201_142357_000.jpg", "20261201_142357_000.json", "mine.jpg", "mine.json"]


@pytest.mark.parametrize("fails_at", [".json", ".jpg"])
def test_of_a_picture_that_could_not_be_written_nothing_stays(tmp_path: Path, monkeypatch, fails_at: str):
    whole = inbox_folder.write_whole

    def full(path: Path, content: bytes) -> None:
        if path.suffix == fails_at:
            raise OSError(28, "No space left on device")
        whole(path, content)

    with closing(InboxFolder(tmp_path, ORIGIN)) as folder:
        monkeypatch.setattr(inbox_folder, "write_whole", full)
        with pytest.raises(OSError, match="No space"):
            keep(folder, candidate(1, "unsure"))
        assert notes(tmp_path) == []
        monkeypatch.setattr(inbox_folder, "write_whole", whole)
        keep(folder, candidate(1, "unsure"))
    assert len(notes(tmp_path)) == 1


def test_a_note_is_read_back_and_anything_else_is_not(tmp_path: Path):
    look = look_of(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    again = unpacked(packed(look))
    assert (look.bits_from(again), look.steps_from(again)) == (0, 0)
    kept = Kept(
        "random", "cat", "cat", (("cat", 1.0),), 1.0, 0.5, 0.5, "t", "b", 1, "m", "d", "s", packed(look)
    )
    path = tmp_path / "a.json"
    path.write_text(kept.to_json())
    assert Kept.read(path) == kept
    for wrong in ("", "[]", kept.to_json()[:100], json.dumps({**json.loads(kept.to_json()), "look": "AAAA"})):
        path.write_text(wrong)
        assert Kept.read(path) is None


@pytest.mark.parametrize(
    ("ranking", "margin"),
    [
        ((("a", 0.6), ("b", 0.3)), 0.3),
        ((("a", 0.9),), 0.8),
        ((("a", 0.4),), 0.0),
        ((("a", 3.0), ("b", 1.0)), 1.0),
    ],
)
def test_the_margin_is_between_the_best_two(ranking, margin: float):
    assert margin_of(Prediction(ranking, None)) == pytest.approx(margin)


# The sink


class Chance(random.Random):
    """Draws what the test says."""

    value = 0.5

    def random(self) -> float:
        return self.value


def sink_on(path: Path, clock: Clock, **options) -> Inbox:
    farewell = Farewell(StopRequest(), hurries=False)
    return Inbox(InboxFolder(path, ORIGIN), farewell, lambda _: None, clock=clock, **options)


def test_of_a_second_the_least_sure_frame_is_kept(tmp_path: Path):
    clock = Clock()
    inbox = sink_on(tmp_path, clock, chance=Chance())
    for at, margin in enumerate((0.25, 0.05, 0.2)):
        inbox.write(answer(Frame(scene(at), at, 0.0), guess(margin)))
    inbox.close()
    (kept,) = notes(tmp_path)
    assert (kept.sequence, kept.reason, kept.margin) == (1, "unsure", pytest.approx(0.05))
    assert inbox.summary == "1 new picture, 1 in all"


def test_a_changed_label_and_a_random_frame_are_kept_and_a_frozen_one_is_not(tmp_path: Path):
    chance = Chance()
    inbox = sink_on(tmp_path, Clock(), chance=chance)
    chance.value = 0.0
    inbox.write(answer(Frame(scene(1), 1, 0.0), guess(0.9)))
    changed = answer(Frame(scene(2), 2, 0.0), guess(0.95))
    inbox.write(replace(changed, decision=Decision(guess(0.95), 0.0, changed=True)))
    inbox.write(answer(Frame(scene(3), 3, 0.0, is_frozen=True), guess(0.0)))
    inbox.close()
    assert {kept.sequence: kept.reason for kept in notes(tmp_path)} == {1: "random", 2: "changed"}


def test_a_second_camera_is_told_and_a_folder_that_cannot_be_is_no_end_to_a_loop(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    with closing(LockedFolder(folder)), pytest.raises(BadConfiguration, match="another edgecls keeps"):
        sink_on(folder, Clock(), goes_on=True)
    events = []
    farewell = Farewell(StopRequest(), hurries=False)
    inbox = Inbox(InboxFolder(folder, ORIGIN), farewell, events.append, clock=(clock := Clock()))
    with closing(inbox):
        folder.rename(tmp_path / "away")
        folder.write_bytes(b"")
        clock.sleep(CHOICE_S)
        inbox.write(answer(Frame(scene(1), 1, 0.0), guess(0.1)))
    assert [event.kind for event in events] == ["output_failed"]


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_folder_that_never_can_be_is_told_at_once(tmp_path: Path, goes_on: bool):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "in"):
        with pytest.raises(OutputFailed, match="is a file; choose another folder"):
            sink_on(path, Clock(), goes_on=goes_on)


def test_where_an_inbox_makes_no_sense_is_told(tmp_path: Path):
    (tmp_path / "a.jpg").touch()
    pictures = CameraOptions(source=str(tmp_path / "a.jpg"), inbox=Path("in"))
    with pytest.raises(UsageError, match="--inbox is for a camera or a video"):
        check_options(pictures)
    with pytest.raises(UsageError, match="is the recording itself"):
        check_options(CameraOptions(source="demo", inbox=Path("in"), record="in/"))
    with pytest.raises(BadConfiguration, match=r"the service may write only in .*; write --inbox in"):
        plan_service("door", CameraOptions(source="demo", model=Path("nano"), inbox=Path("/srv/in")))
