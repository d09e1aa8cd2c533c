import builtins

import numpy as np
import pytest

from edgecls.data.intervals import mcnemar_p, paired_difference, paired_mean, percentage, share


def test_the_interval_of_a_share_is_wilsons():
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3: 81 of 263.
    interval = share(81, 263)
    assert interval.low == pytest.approx(0.2553, abs=5e-5)
    assert interval.high == pytest.approx(0.3662, abs=5e-5)


def test_a_share_of_all_or_none_still_has_an_interval():
    assert share(10, 10).low < 1
    assert share(10, 10).high == pytest.approx(1)
    assert share(0, 10).high > 0.2


@pytest.mark.parametrize(("gained", "lost"), [(1, 9), (0, 6), (0, 5), (5, 5), (40, 60), (40, 61), (0, 1)])
def test_the_interval_of_a_difference_excludes_zero_just_where_mcnemar_finds_one(gained, lost):
    interval = paired_difference(gained, lost, 10_000)
    assert (interval.high < 0) == (mcnemar_p(gained, lost) < 0.05)
    assert interval.low <= (gained - lost) / 10_000 <= interval.high


def test_mcnemars_p_is_the_two_sided_binomial_of_the_images_that_differ():
    assert mcnemar_p(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)


def test_files_that_never_differ_have_no_difference_and_no_doubt_about_it():
    assert paired_difference(0, 0, 100) == paired_difference(0, 0, 5)
    assert mcnemar_p(0, 0) == 1


def test_more_images_make_it_narrower():
    few, many = share(70, 100), share(7000, 10_000)
    assert many.high - many.low < (few.high - few.low) / 5


def test_a_device_without_scipy_has_no_intervals(monkeypatch):
    real = builtins.__import__

    def without_scipy(name, *arguments, **options):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    assert share(7, 10) is paired_difference(1, 2, 10) is mcnemar_p(1, 2) is None


def test_the_mean_of_paired_differences_lies_in_95_of_100_intervals():
    random = np.random.default_rng(0)
    levels = random.random((400, 500, 1)) < random.random((400, 500, 5))  # an image's resemble each other
    intervals = [paired_mean(experiment.mean(axis=1)) for experiment in levels]
    hits = sum(interval.low <= 0.5 <= interval.high for interval in intervals)
    assert 0.92 <= hits / 400 <= 0.98


def test_an_accuracy_is_shown_with_an_interval_that_ends_at_100_percent():
    ends = share(264, 269)
    assert ends
    assert percentage(264 / 269, ends.low, ends.high) == "98.14 (95.7-99.2)"
    assert percentage(0.5, None, None) == "50.00"
