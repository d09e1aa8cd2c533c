"""Decision: steadier than the predictions of single frames."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest

from edgecls.edge_runtime.camera.decision import Decider, Decision, SteadyDecider
from edgecls.edge_runtime.errors import UsageError

from ...fakes import fake_classifier

CAT, DEER, DOG = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)
NOTHING = (0.4, 0.3, 0.3)
CLASSIFIER = fake_classifier(CAT, threshold=0.6)


def steady(**options) -> SteadyDecider:
    return SteadyDecider(CLASSIFIER, **({"smooth_s": 0.0, "hold_s": 0.0} | options))


def decide(decider: Decider, probabilities: Iterable[float], time_s: float) -> Decision:
    return decider.update(CLASSIFIER.rank(np.array(probabilities, np.float32)), time_s)


def shown(decider: Decider, seen: Callable[[float], Iterable[float]], times_s: Iterable[float]) -> list:
    """The announced label after each frame."""
    return [decide(decider, seen(time_s), time_s).shown.label for time_s in times_s]


def clock(rate_fps: float, seconds: float, start_s: float = 1000.0) -> list[float]:
    return [start_s + index / rate_fps for index in range(round(seconds * rate_fps) + 1)]


# Each frame alone


def test_a_still_is_announced_as_it_is_and_changes_nothing():
    decider = Decider()
    for probabilities, label in ((CAT, "cat"), (DOG, "dog"), (NOTHING, None)):
        decision = decide(decider, probabilities, 1.0)
        assert (decision.shown.label, decision.changed) == (label, False)


def test_of_stills_nothing_is_withdrawn_as_nothing_was_announced():
    decider = Decider()
    decision = decider.withdraw(decide(decider, CAT, 1.0).shown, 2.0)
    assert (decision.shown.label, decision.since_s, decision.changed) == (None, 2.0, False)


# The mean


def test_the_mean_of_distributions_is_one():
    decider, random = steady(smooth_s=0.5), np.random.default_rng(0)
    for time_s in clock(30, 10):
        frame = random.dirichlet((0.2, 0.2, 0.2))
        mean = [probability for _, probability in decide(decider, frame, time_s).shown.ranking]
        assert sum(mean) == pytest.approx(1, abs=1e-5)
        assert min(mean) >= 0


def test_it_begins_with_the_first_frame():
    first = decide(steady(smooth_s=10.0), CAT, 1000.0)
    assert dict(first.shown.ranking)["cat"] == pytest.approx(0.9)


@pytest.mark.parametrize("rate_fps", [5, 30, 240])
def test_after_its_time_constant_a_change_is_seen_to_63_percent_at_any_frame_rate(rate_fps: float):
    decider = steady(smooth_s=2.0)
    decide(decider, CAT, 0.0)
    for time_s in clock(rate_fps, 2.0, 0.0)[1:]:
        last = decide(decider, DOG, time_s)
    assert dict(last.shown.ranking)["dog"] == pytest.approx(0.05 + 0.85 * (1 - math.exp(-1)), abs=1e-4)


def test_noise_that_changes_the_best_label_of_single_frames_is_not_announced():
    random = np.random.default_rng(1)
    noisy = [random.dirichlet((3, 0.7, 0.7)) for _ in range(600)]
    alone = {CLASSIFIER.rank(frame.astype(np.float32)).label for frame in noisy}
    assert alone == {"cat", "deer", "dog", None}
    decider = steady(smooth_s=0.5, hold_s=0.5)
    labels = [
        decide(decider, frame, time_s).shown.label
        for frame, time_s in zip(noisy, clock(30, 600 / 30), strict=False)
    ]
    changes = sum(before != after for before, after in pairwise(labels))
    assert labels[-1] == "cat"
    assert changes == 1


# The hold


@pytest.mark.parametrize("rate_fps", [4, 32, 128])
def test_a_label_is_announced_by_the_first_frame_that_ends_the_hold(rate_fps: float):
    times_s = clock(rate_fps, 2.0)
    labels = shown(steady(hold_s=0.75), lambda _: CAT, times_s)
    held = [time_s for time_s, label in zip(times_s, labels, strict=True) if label == "cat"]
    assert held[0] == 1000.75
    assert labels[labels.index("cat") :] == ["cat"] * len(held)


def test_one_frame_of_another_label_makes_the_hold_begin_again():
    labels = shown(steady(hold_s=1.0), lambda now_s: DOG if now_s == 1000.5 else CAT, clock(4, 2))
    assert labels == [None] * 7 + ["cat"] * 2


def test_two_frames_of_one_moment_are_no_silence():
    decider = steady(smooth_s=0, hold_s=0.5)
    assert shown(decider, lambda _: CAT, [1000.0, 1000.3, 1000.3, 1000.5])[-1] == "cat"


def test_what_passes_before_the_camera_is_not_announced():
    labels = shown(steady(hold_s=0.5), lambda now_s: DOG if 1002 <= now_s < 1002.5 else CAT, clock(32, 4))
    assert "dog" not in labels
    assert labels[-1] == "cat"


def test_unknown_must_hold_too():
    labels = shown(steady(hold_s=0.5), lambda now_s: CAT if now_s < 1001 else NOTHING, clock(4, 2))
    assert labels == [None, None, "cat", "cat", "cat", "cat", None, None, None]


def test_two_frames_of_a_slow_camera_hold():
    assert shown(steady(hold_s=0.5), lambda _: CAT, [0.0, 60.0]) == [None, "cat"]


def test_unless_told_a_label_must_hold_for_half_a_second():
    times_s = [1000.0, 1000.25, 1000.4375, 1000.5]
    assert shown(SteadyDecider(CLASSIFIER), lambda _: CAT, times_s) == [None, None, None, "cat"]


# The thresholds


def cat(probability: float) -> tuple[float, float, float]:
    rest = (1 - probability) / 2
    return probability, rest, rest


def test_a_probability_that_hovers_about_the_threshold_does_not_flap():
    labels = shown(steady(), lambda now_s: cat(0.6 + 0.05 * math.sin(7 * now_s)), clock(30, 20))
    changes = sum(before != after for before, after in pairwise(labels))
    assert changes <= 1
    assert labels[-1] == "cat"


def test_a_label_comes_at_the_upper_threshold_and_goes_below_the_lower_one():
    decider = steady(off=0.45)
    probabilities = (0.59, 0.6, 0.5, 0.46, 0.44, 0.5, 0.59, 0.61)
    labels = [decide(decider, cat(value), index).shown.label for index, value in enumerate(probabilities)]
    assert labels == [None, "cat", "cat", "cat", None, None, None, "cat"]


def test_a_probability_that_is_just_at_a_threshold_is_enough():
    classifier = fake_classifier(CAT, threshold=0.5)
    decider = SteadyDecider(classifier, smooth_s=0.0, hold_s=0.0, off=0.25)
    labels = [
        decider.update(classifier.rank(np.array(frame, np.float32)), index).shown.label
        for index, frame in enumerate([(0.5, 0.25, 0.25), (0.25, 0.4375, 0.3125), (0.2, 0.4, 0.4)])
    ]
    assert labels == ["cat", "cat", None]


def test_unless_told_the_lower_threshold_is_four_fifths_of_the_upper():
    decider = steady()
    labels = [
        decide(decider, cat(value), index).shown.label for index, value in enumerate((0.7, 0.481, 0.479))
    ]
    assert labels == ["cat", "cat", None]


def test_a_label_that_wins_takes_over_from_one_that_would_stay():
    classifier = fake_classifier(CAT, threshold=0.4)
    decider = SteadyDecider(classifier, smooth_s=0.0, hold_s=1.0)
    for time_s, frame in enumerate([(0.5, 0.2, 0.3)] * 3 + [(0.45, 0.05, 0.5)] * 2):
        last = decider.update(classifier.rank(np.array(frame, np.float32)), time_s)
    assert (last.shown.label, last.before) == ("dog", "cat")


def test_a_threshold_to_withdraw_above_the_one_to_announce_makes_no_sense():
    with pytest.raises(UsageError, match=r"--conf-off 0\.7 is above the threshold to announce a label, 0\.6"):
        steady(off=0.7)


# What is said of it


def test_a_change_says_what_was_before_and_since_when_it_holds():
    decider = steady(hold_s=0.5)
    decisions = [decide(decider, CAT if time_s < 1001 else DOG, time_s) for time_s in clock(4, 2)]
    changes = [(index, decision.before, decision.shown.label)
               for index, decision in enumerate(decisions) if decision.changed]  # fmt: skip
    assert changes == [(2, None, "cat"), (6, "cat", "dog")]
    assert [decision.since_s for decision in decisions] == [1000.0] * 2 + [1000.5] * 4 + [1001.5] * 3


def test_while_another_label_must_hold_the_ranking_is_ahead_of_the_announced_label():
    decider = steady(hold_s=0.5)
    for time_s in clock(4, 1):
        decide(decider, CAT, time_s)
    decision = decide(decider, DOG, 1001.25)
    assert decision.shown.label == "cat"
    assert decision.shown.ranking[0][0] == "dog"


def test_a_label_that_must_still_hold_is_named_until_it_is_announced():
    decider = steady(hold_s=0.5)
    waiting = [decide(decider, CAT, time_s).waiting for time_s in (0.0, 0.4, 0.6)]
    assert waiting == ["cat", "cat", None]
    assert decide(decider, NOTHING, 0.7).waiting is None


def test_as_many_labels_are_ranked_as_the_classifier_ranks():
    assert len(decide(steady(), CAT, 0.0).shown.ranking) == CLASSIFIER.top


# Gaps


@pytest.mark.parametrize("gap_s", [5.0, 3600.0, -30.0])
def test_after_a_silence_a_new_label_must_hold_from_the_first_frame_on(gap_s: float):
    """Negative: a video that begins again."""
    decider = steady(smooth_s=60.0, hold_s=0.5)
    shown(decider, lambda _: CAT, clock(30, 2))
    again_s = 1002.0 + gap_s
    labels = shown(decider, lambda _: DOG, clock(4, 1, again_s))
    assert labels == ["cat", "cat", "dog", "dog", "dog"]


@pytest.mark.parametrize(("gap_s", "is_silence"), [(10.0, False), (10.5, True)])
def test_of_a_slow_camera_a_silence_takes_ten_times_as_long(gap_s: float, is_silence: bool):
    """A mean of an hour hardly moves, unless it begins anew."""
    decider = steady(smooth_s=3600.0)
    shown(decider, lambda _: CAT, [1000.0, 1001.0])
    decision = decide(decider, DOG, 1001.0 + gap_s)
    assert (decision.shown.ranking[0][0] == "dog") is is_silence


@pytest.mark.parametrize(("gap_s", "is_silence"), [(2.0, False), (2.0625, True)])
def test_of_a_quick_camera_a_silence_takes_two_seconds(gap_s: float, is_silence: bool):
    decider = steady(smooth_s=3600.0)
    shown(decider, lambda _: CAT, [1000.0, 1000.0625])
    decision = decide(decider, DOG, 1000.0625 + gap_s)
    assert (decision.shown.ranking[0][0] == "dog") is is_silence


def test_a_pending_label_does_not_hold_through_a_silence():
    decider = steady(hold_s=0.5)
    shown(decider, lambda now_s: CAT if now_s < 1002 else DOG, clock(30, 2.1))
    assert decide(decider, DOG, 5000.0).shown.label == "cat"


def test_an_hour_of_silence_announces_nothing_by_itself():
    decider = steady(smooth_s=0.5, hold_s=0.5)
    shown(decider, lambda _: CAT, clock(30, 2))
    assert not any(decide(decider, CAT, time_s).changed for time_s in clock(30, 2, 4600.0))


# The background class


def test_the_background_is_never_announced_and_withdraws_what_was():
    classifier = fake_classifier(CAT, threshold=0.6, background="dog")
    decider = SteadyDecider(classifier, smooth_s=0.0, hold_s=0.5)
    seen = {1000.0: DOG, 1001.0: DOG, 1002.0: CAT, 1003.0: CAT, 1004.0: DOG, 1004.4: DOG, 1004.5: DOG}
    decisions = [
        decider.update(classifier.rank(np.array(answer, np.float32)), time_s)
        for time_s, answer in seen.items()
    ]
    assert [decision.shown.label for decision in decisions] == [None, None, None, "cat", "cat", "cat", None]
    assert [decision.changed for decision in decisions] == [False, False, False, True, False, False, True]
    assert decisions[-1].shown.ranking[0][0] == "dog"


# Withdrawn


def test_what_is_withdrawn_must_hold_again_before_it_is_announced():
    """Row 12."""
    decider = steady(hold_s=0.5)
    assert shown(decider, lambda _: CAT, clock(30, 1))[-1] == "cat"
    last = decide(decider, CAT, 1001.1)
    decision = decider.withdraw(last.shown, 1011.0)
    assert (decision.shown.label, decision.changed, decision.before) == (None, True, "cat")
    assert (decision.since_s, decision.waiting) == (1011.0, None)
    assert not decider.withdraw(decision.shown, 1012.0).changed
    assert decide(decider, NOTHING, 1012.1).since_s == 1012.0
    again = shown(decider, lambda _: CAT, clock(10, 1, start_s=1020))
    assert again == [None] * 5 + ["cat"] * 6
