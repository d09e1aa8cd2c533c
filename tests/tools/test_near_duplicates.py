import numpy as np

from tools.near_duplicates import render, time_searches


def test_every_kind_of_pictures_is_timed():
    photographs = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
    steps: list[str] = []
    times = {one.pictures: one for one in time_searches(60, photographs, steps.append)}
    assert steps[0] == "photographs, 60 pictures"
    assert len(steps) == len(times) == 6
    assert {one.count for one in times.values()} == {60}
    assert times["noise"].groups == 60
    assert times["slow film"].groups == 1
    assert "| noise " in render([*times.values()])
