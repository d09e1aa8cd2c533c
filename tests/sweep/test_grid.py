import json
from dataclasses import asdict

from edgecls.edge_runtime.schema import checked
from edgecls.sweep.grid import Grid, GridPoint


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
    assert checked(GridPoint, json.loads(json.dumps(asdict(point)))) == point
