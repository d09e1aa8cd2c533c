import json
import struct
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from edgecls.data.load import Dataset, load_dataset
from edgecls.data.model_data import training_data
from edgecls.data.origins import Origin, time_in_exif, time_in_name
from edgecls.data.recording_split import Dealing
from edgecls.data.recordings import Recording, find_recordings
from edgecls.edge_runtime.camera.recording import frame_name
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard, Provenance

LABELS = ("cup", "plate")
RULE = ImageRule(32, 32)


def scene(seed: int, side_px: int = 200) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
    return cv2.resize(rough, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


def filmed(seed: int, count: int) -> np.ndarray:
    """What a camera sees that a hand moves over one scene, uint8 (N, 32, 32, 3): no near-duplicates."""
    random, place, frames = np.random.default_rng(seed), np.zeros(2), []
    table = scene(seed)
    for _ in range(count):
        place = 0.9 * place + random.normal(0, 6, 2)
        y, x = np.clip(60 + place, 0, 120).astype(int)
        frames.append(cv2.resize(table[y : y + 80, x : x + 80], (32, 32)))
    return np.stack(frames)


def independent(count: int, seed: int = 50) -> np.ndarray:
    return np.stack([cv2.resize(scene(seed + number), (32, 32)) for number in range(count)])


def found_in(names: list[str], images: np.ndarray) -> list[Recording]:
    origins = [Origin(path, None, time_in_name(path.name)) for path in map(PurePosixPath, names)]
    truth = np.array([LABELS.index(origin.path.parts[0]) for origin in origins])
    return find_recordings(origins, truth, images, LABELS)


def sizes(recordings: list[Recording]) -> list[int]:
    return [len(one.places) for one in recordings]


# Names, times and looks.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_20260131_150405.jpg", 45.0),
        ("PXL_20260131_150405123.MP.jpg", 45.123),
        ("2026-01-31 15.04.05.jpg", 45.0),
        ("WhatsApp Image 2026-01-31 at 15.04.05 (2).jpeg", 45.0),
        ("20260131T150405Z.jpg", 45.0),
        ("IMG_20260231_150405.jpg", None),
        ("cat.0.jpg", None),
        ("000000042.jpg", None),
        ("1768000000123.jpg", None),
    ],
)
def test_telephones_and_cameras_write_the_time_into_the_name(name: str, expected: float | None):
    time_s = time_in_name(name)
    assert (None if time_s is None else time_s - 1769871800) == (
        None if expected is None else pytest.approx(expected)
    )


def exif(order: str, time: bytes, tag: int = 0x9003) -> bytes:
    """EXIF with one time of the given tag."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    first = struct.pack(f"{order}HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    second = struct.pack(f"{order}HHHII", 1, tag, 2, 20, 44) + bytes(4)
    return head + first + second + time + b"\0"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "before", [b"\xff\xd8\xff\xe1\x00\x50Exif\0\0", b"\x89PNG....eXIf", b"RIFF....WEBPEXIF\x40\0\0\0", b""]
)
def test_exif_has_the_time_in_every_format(order: str, before: bytes):
    times = [time_in_exif(before + exif(order, b"2026:01:31 15:04:%02d" % second)) for second in (5, 7)]
    assert times[0] is not None
    assert times[1] == times[0] + 2


def test_the_time_of_the_last_change_and_damaged_exif_say_nothing():
    whole = exif("<", b"2026:01:31 15:04:05")
    assert time_in_exif(exif("<", b"2026:01:31 15:04:05", tag=0x132)) is None
    assert time_in_exif(exif("<", b"0000:00:00 00:00:00")) is None
    assert [time_in_exif(whole[:length]) for length in range(40)] == [None] * 40


def test_times_with_a_pause_of_hours_are_two_recordings_whatever_they_look_like():
    names = [f"cup/IMG_20260131_{hour}{minute:02}00.jpg" for hour in (10, 15) for minute in range(6)]
    assert sizes(found_in(names, independent(12))) == [6, 6]


def test_one_time_for_all_is_an_editors():
    assert found_in([f"cup/20260131_150405_{number}.jpg" for number in range(12)], independent(12)) == []


@pytest.mark.parametrize(
    "name",
    ["cup/frame_{:04d}.jpg", "cup/{:09d}.jpg", "cup/IMG_{}.JPG", "cup/clip1_{:06d}.jpg", "cup/cup ({}).png"],
)
def test_numbers_in_a_row_are_a_recording_where_neighbours_look_alike(name: str):
    names = [name.format(number) for number in range(0, 400, 10)]
    assert sizes(found_in(names, filmed(1, 40))) == [40]
    assert found_in(names, independent(40)) == []


def test_a_leap_of_numbers_and_another_clip_are_other_recordings():
    frames = np.concatenate([filmed(1, 40), filmed(2, 40)])
    leap = [f"cup/IMG_{number}.jpg" for number in (*range(40), *range(900, 940))]
    clips = [f"cup/clip{clip}_{number:06d}.jpg" for clip in (1, 2) for number in range(40)]
    assert sizes(found_in(leap, frames)) == sizes(found_in(clips, frames)) == [40, 40]


def test_bursts_of_many_things_numbered_in_a_row_are_not_one_recording():
    bursts = np.repeat(independent(8), 5, axis=0) + np.random.default_rng(0).integers(
        0, 3, (40, 32, 32, 3), np.uint8
    )
    assert sizes(found_in([f"cup/{number:04d}.jpg" for number in range(40)], bursts)) == [5] * 8


def test_a_sub_folder_is_a_recording_where_it_stands_out():
    names = [f"cup/{day}/{seed:x}.jpg" for day in ("monday", "tuesday") for seed in range(0xA0000, 0xA0014)]
    dim = (independent(40) // 4).astype(np.uint8)
    dim[20:] += 120
    assert sizes(found_in(names, dim)) == [20, 20]
    assert found_in(names, independent(40)) == []


def test_recordings_of_one_day_are_one_session_in_all_classes():
    names = [
        f"{label}/{day}/frame_{number}.jpg"
        for label in LABELS
        for day in ("mo", "tu")
        for number in range(30)
    ]
    found = found_in(names, np.concatenate([filmed(seed, 30) for seed in range(4)]))
    assert len({one.session for one in found}) == 2
    assert [one.session for one in found if one.class_index == 0] == [
        one.session for one in found if one.class_index == 1
    ]


# From folders to parts.


def record(folder: Path, frames: np.ndarray, header: bool = True) -> None:
    """Writes frames as `edgecls camera --record` does."""
    inside = folder / "000001"
    inside.mkdir(parents=True)
    (folder / "recording.json" if header else inside / "answers.jsonl").write_text("{}")
    for number, frame in enumerate(frames):
        cv2.imwrite(str(inside / frame_name(number)), frame, [cv2.IMWRITE_JPEG_QUALITY, 95])


def recorded(folder: Path, days: int, count: int = 20, labels: tuple[str, ...] = LABELS) -> Path:
    """Recordings of each class on so many days, all in different scenes; frames without any order."""
    for number, label in enumerate(labels):
        for day in range(days):
            record(
                folder / label / f"day{day}", independent(count, 1000 * number + 100 * day), header=day != 1
            )
    return folder


def days_of(data: Dataset) -> dict[str, list[set[str]]]:
    """The recordings of each class in train, val and test."""
    files = [data.files[part] for part in ("train", "val", "test")]
    return {
        label: [{name.split("/")[1] for name in names if name.startswith(label)} for names in files]
        for label in data.labels
    }


def test_three_recordings_go_to_three_parts_of_one_day_in_all_classes(tmp_path: Path):
    days = days_of(load_dataset(str(recorded(tmp_path / "p", 3)), RULE, seed=0))
    train, val, test = days["cup"]
    assert (len(train), len(val), len(test)) == (1, 1, 1)
    assert not train & val | train & test | val & test
    assert days["plate"] == days["cup"]


def test_of_two_recordings_one_is_trained_on_and_the_other_judges(tmp_path: Path):
    data = load_dataset(str(recorded(tmp_path / "p", 2)), RULE, seed=0)
    for train, val, test in days_of(data).values():
        assert val == test
        assert not train & test
    assert [len(part) for part in (data.train, data.val, data.test)] == [
        40,
        18,
        20,
    ]  # a gap between val and test
    assert data.notes == (
        "4 recordings, found by folders: each is kept in one part; of classes with two, one is for training, "
        "the other half val and half test; 2 images between parts are left out",
    )
    assert data.warnings == ()


def test_the_seed_chooses_the_recording_that_judges(tmp_path: Path):
    folder = str(recorded(tmp_path / "p", 2))
    judges = {next(iter(days_of(load_dataset(folder, RULE, seed))["cup"][2])) for seed in range(12)}
    assert judges == {"day0", "day1"}


def test_one_recording_is_cut_in_order_and_said(tmp_path: Path):
    data = load_dataset(str(recorded(tmp_path / "p", 1)), RULE, seed=0)
    numbers = [
        [int(name[-13:-4]) for name in data.files[part] if name.startswith("cup")] for part in data.files
    ]
    assert max(numbers[0]) < min(numbers[1]) <= max(numbers[1]) < min(numbers[2])
    assert data.warnings == (
        "the pictures of cup (20), plate (20) come from one recording of each; accuracy on pictures of "
        "another day is likely to be much lower; record each again on another day, into a folder of its own "
        "such as cup/tuesday/",
    )


def test_a_class_of_one_recording_among_others_is_named_with_its_pictures(tmp_path: Path):
    recorded(recorded(tmp_path / "p", 3, labels=("cup",)), 1, labels=("bowl",))
    (warning,) = load_dataset(str(tmp_path / "p"), RULE, seed=0).warnings
    assert warning.startswith(
        "all 20 pictures of bowl come from one recording; accuracy on pictures of another"
    )


def test_a_test_folder_of_another_day_needs_no_warning(tmp_path: Path):
    recorded(tmp_path / "p" / "train", 1)
    recorded(tmp_path / "p" / "test", 4, count=2)
    data = load_dataset(str(tmp_path / "p"), RULE, seed=0)
    assert data.warnings == ()
    assert data.notes[0].startswith(
        "2 recordings, found by folders: each is kept in one part; of classes with one, val is"
    )


def test_a_copy_of_a_frame_beside_its_recording_goes_with_it(tmp_path: Path):
    folder = recorded(tmp_path / "p", 3)
    for day in range(3):
        frame = folder / "cup" / f"day{day}" / "000001" / frame_name(5)
        (folder / "cup" / f"best{day}.jpg").write_bytes(frame.read_bytes())
    data = load_dataset(str(folder), RULE, seed=0)
    for part in data.files.values():
        (day,) = {name.split("/")[1][3:] for name in part if name.startswith("cup/day")}
        assert {name for name in part if "best" in name} <= {f"cup/best{day}.jpg"}


def test_a_camera_that_does_not_move_is_split_all_the_same(tmp_path: Path):
    for number, label in enumerate(LABELS):
        record(tmp_path / label / "monday", independent(3, 100 * number).repeat(10, axis=0))
    data = load_dataset(str(tmp_path), RULE, seed=0)
    parts = [{image.tobytes() for image in part.images} for part in (data.train, data.val, data.test)]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert data.warnings[0].startswith("2 recordings share so many equal images that they are not kept apart")
    assert not any("is kept in one part" in note for note in data.notes if "recordings" in note)


def test_recordings_of_one_still_scene_as_two_classes_give_one_warning(tmp_path: Path):
    scene = independent(1, 100) // 2
    frames = np.concatenate([scene + np.uint8(2 * step) for step in range(6)] * 5)
    for label in LABELS:
        record(tmp_path / label / "monday", frames)
    (told,) = load_dataset(str(tmp_path), RULE, seed=0).notes
    assert told.startswith(
        "warning: 2 recordings share so many equal images that they are not kept apart, and"
    )
    assert "nearly all images of cup, plate look alike" in told


def test_the_record_says_what_was_found_and_where_it_went(tmp_path: Path):
    data = load_dataset(str(recorded(tmp_path / "p", 3)), RULE, seed=0)
    made = json.loads(json.dumps(data.split_record))["recordings"]
    assert [(one["label"], one["found_by"], one["images"]) for one in made] == [
        ("cup", "folders", 20)
    ] * 3 + [("plate", "folders", 20)] * 3
    assert all(one["train"] + one["val"] + one["test"] == 20 for one in made)


def test_a_model_of_the_first_version_is_tested_on_its_own_split(tmp_path: Path):
    folder = str(recorded(tmp_path / "p", 2))
    earlier = load_dataset(folder, RULE, seed=0, by_recording=False)
    card = ModelCard(
        LABELS, RULE, provenance=Provenance(data="p", data_sha256=earlier.sha256, recipe={"seed": 0})
    )
    assert training_data(tmp_path / "p.h5", card, folder).sha256 == earlier.sha256
    assert load_dataset(folder, RULE, seed=0).sha256 != earlier.sha256


def test_pictures_without_a_hint_are_split_as_ever(tmp_path: Path):
    for number, label in enumerate(LABELS):
        (tmp_path / label).mkdir()
        for place, picture in enumerate(independent(30, 100 * number)):
            cv2.imwrite(str(tmp_path / label / f"{place:05d}.png"), picture)
    now, before = (load_dataset(str(tmp_path), RULE, 0, by_recording=choice) for choice in (True, False))
    assert now.sha256 == before.sha256
    assert now.notes == ()
    assert now.split_record == {}


def test_a_recording_that_was_divided_by_hand_is_named(tmp_path: Path):
    for label, seed in (("cup", 1), ("plate", 2)):
        for number, frame in enumerate(filmed(seed, 40)):
            folder = tmp_path / ("test" if number % 4 == 3 else "train") / label
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"frame_{number:04d}.png"), frame)
    shared = [
        line for line in load_dataset(str(tmp_path), RULE, seed=0).warnings if line.startswith("recordings")
    ]
    assert shared == [
        "recordings that are in test and in train: 2, such as that of train/cup/frame_0000.png and "
        "test/cup/frame_0003.png; accuracy is overstated: put each recording into one part"
    ]


def test_numbers_that_begin_anew_in_each_part_are_other_recordings(tmp_path: Path):
    for seed, place in enumerate(("train/cup", "train/plate", "test/cup", "test/plate")):
        (tmp_path / place).mkdir(parents=True)
        for number, frame in enumerate(filmed(seed, 20)):
            cv2.imwrite(str(tmp_path / place / f"frame_{number:04d}.png"), frame)
    assert load_dataset(str(tmp_path), RULE, seed=0).warnings == ()


def test_one_recording_is_spoken_of_as_one():
    only = Recording("cup/monday", 0, np.arange(4), "times", "monday")
    places = np.array([0, 0, 0, 3, 4], np.int8)
    (line,) = Dealing((only,), ("cup", "plate"), places, (), ()).notes(np.zeros(5, np.int64), is_tested=True)
    assert line == "1 recording, found by times: it is kept in one part; 1 image between parts is left out"
