import json
from dataclasses import asdict, replace

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, BadData, MissingInput, UsageError
from edgecls.sweep.folder import Plan, open_folder
from edgecls.sweep.grid import Grid, GridPoint, point_from

PLAN = Plan("/data/pets.zip", "a" * 64, 10, 1)


def test_a_sweep_goes_on_under_the_key_that_it_began_with(tmp_path):
    begun = open_folder(tmp_path / "sweep", PLAN, resume=False)
    assert open_folder(tmp_path / "sweep", PLAN, resume=True) == begun


def test_two_sweeps_have_two_keys(tmp_path):
    keys = {open_folder(tmp_path / name, PLAN, resume=False).key for name in ("a", "b")}
    assert len(keys) == 2


def test_a_sweep_without_a_finished_trial_can_be_begun_anew_with_other_options(tmp_path):
    open_folder(tmp_path, PLAN, resume=False)
    open_folder(tmp_path, replace(PLAN, epochs=5), resume=False)
    open_folder(tmp_path, replace(PLAN, epochs=5), resume=True)


def test_a_sweep_is_not_begun_over_another(tmp_path):
    open_folder(tmp_path, PLAN, resume=False).trial("cnn").mkdir(parents=True)
    with pytest.raises(UsageError, match="already has a sweep; continue it with --resume"):
        open_folder(tmp_path, PLAN, resume=False)


def test_there_must_be_a_sweep_to_go_on_with(tmp_path):
    with pytest.raises(MissingInput, match=r"sweep\.json: no such file; leave out --resume"):
        open_folder(tmp_path, PLAN, resume=True)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"epochs": 5}, "started with --epochs 10, not 5"),
        ({"epochs": None}, "started with --epochs 10, not left out"),
        ({"data": "digits"}, "started with --data /data/pets.zip, not digits"),
        ({"threads": 2}, "started with --cpus-per-trial 1, not 2"),
        ({"data_digest": "b" * 64}, "has changed since the sweep was started"),
    ],
)
def test_it_goes_on_with_the_same_alone(tmp_path, other, message):
    open_folder(tmp_path, PLAN, resume=False)
    with pytest.raises(BadConfiguration, match=message):
        open_folder(tmp_path, replace(PLAN, **other), resume=True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": "a", "colour": 1}'])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(BadData, match=r"sweep\.json: damaged"):
        open_folder(tmp_path, PLAN, resume=True)


def test_every_combination_comes_once_and_seeds_come_last():
    points = Grid(("cnn", "nano"), (32, 48), (0, 1), ("best",)).points()
    assert len(points) == len(set(points)) == 8
    assert [point.seed for point in points] == [0] * 4 + [1] * 4


def test_a_width_goes_to_the_networks_that_come_in_widths_alone():
    grid = Grid(("nano", "mobilenet"), (32,), widths=(0.5, 1.0), in_widths=frozenset({"mobilenet"}))
    assert [point.name for point in grid.points()] == [
        "nano-32px-seed0",
        "mobilenet-w0.5-32px-seed0",
        "mobilenet-w1-32px-seed0",
    ]


def test_no_two_points_of_a_grid_share_a_name():
    grid = Grid(
        ("resnet", "cnn"),
        (32, 64),
        (0, 1),
        ("documented", "best"),
        (1.0, 1.5),
        (20, 32),
        frozenset({"resnet"}),
        frozenset({"resnet"}),
    )
    names = [point.name for point in grid.points()]
    assert len(set(names)) == len(names) == 2 * 2 * 2 * (4 + 1)


def test_files_of_one_network_differ_in_recipe_and_seed_alone():
    networks = {
        point.network for point in Grid(("cnn",), (32, 48), (0, 1, 2), ("documented", "best")).points()
    }
    assert networks == {"cnn-32px", "cnn-48px"}


def test_the_options_are_those_of_train():
    point = GridPoint("mobilenet", 48, 2, "best", 0.5)
    options = "--arch mobilenet --width 0.5 --imgsz 48 --recipe best --seed 2"
    assert point.options == tuple(options.split())


def test_a_point_survives_json():
    point = GridPoint("resnet", 32, 1, None, None, 20)
    assert point_from(json.loads(json.dumps(asdict(point)))) == point
