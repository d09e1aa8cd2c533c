from itertools import count

import pytest

from edgecls.edge_runtime.camera.scenes import NO_SCENES, SceneJudge, SceneReport

RATE_FPS = 10


def judged(*scenes: tuple[str, str | None, int, int]) -> SceneReport:
    """Scenes of (truth, label that is announced, frames before it is, frames in all), ten frames a second."""
    judge, times_s, before = SceneJudge(), count(100, 1 / RATE_FPS), None
    for truth, announced, delay, frames in scenes:
        for number in range(frames):
            judge.add(truth, announced if number >= delay else before, next(times_s))
        before = announced
    return judge.report()


def test_a_scene_is_right_by_what_is_announced_in_the_end_and_says_how_long_that_took():
    report = judged(("cat", "cat", 9, 40), ("dog", "wolf", 5, 40), ("ship", "ship", 11, 40))
    assert (report.scenes, report.announced) == (3, 2)
    assert report.delay_s == pytest.approx(1.0)
    assert report.text == "2 of 3 scenes announced correctly, 1.0 s after the change"


def test_a_label_that_is_withdrawn_again_is_not_right():
    judge = SceneJudge()
    for number, announced in enumerate(["cat", "cat", None, None]):
        judge.add("cat", announced, number)
    judge.add("dog", "dog", 4)
    assert judge.report() == SceneReport(2, 1, 0.0)


def test_a_scene_cut_short_counts_once_it_is_announced_or_was_long_enough_to_be():
    whole = ("cat", "cat", 9, 40)
    assert judged(whole, ("dog", "dog", 9, 5)).scenes == 1
    assert judged(whole, ("dog", "dog", 9, 12)) == judged(whole, ("dog", "dog", 9, 40))
    assert judged(whole, ("dog", None, 0, 25)).text.startswith("1 of 2 scenes")


def test_what_has_no_known_label_is_no_scene():
    assert judged(("", "cat", 0, 40)) == NO_SCENES
    assert judged(("cat", "cat", 0, 40), ("", "cat", 0, 40)).text == (
        "1 of 1 scene announced correctly, 0.0 s after the change"
    )


def test_a_day_of_scenes_takes_no_more_memory_than_an_hour():
    judge = SceneJudge()
    for number in range(5_000):
        judge.add(f"label {number % 7}", f"label {number % 7}", number)
    assert (judge.report().scenes, len(judge._delays_s)) == (5_000, 1_000)
