import pytest
from edgecls.sweep.rank import (
    Candidate,
    Limits,
    best_within,
    nearest_to,
    pareto_front,
    ranked,
    with_shared_costs,
)


def candidate(name, val_accuracy, p50_ms, size_kb, network="", kind="TFLite"):
    return Candidate(name, kind, network or name, val_accuracy, round(size_kb * 1000), p50_ms)


SMALL = candidate("small", 0.70, 0.02, 90)
BEST = candidate("best", 0.90, 0.30, 580)
MIDDLE = candidate("middle", 0.86, 0.04, 98)
BEATEN = candidate("beaten", 0.85, 0.05, 98)
ALL = (BEATEN, SMALL, BEST, MIDDLE)


def test_the_ranking_is_by_accuracy_then_time_then_size():
    slower, larger = candidate("slower", 0.70, 0.03, 90), candidate("larger", 0.70, 0.02, 91)
    order = ranked([slower, larger, *ALL])
    assert [one.path for one in order] == ["best", "middle", "beaten", "small", "larger", "slower"]


def test_the_front_holds_what_no_other_file_beats():
    assert pareto_front(ALL) == (BEST, MIDDLE, SMALL)


def test_a_file_that_is_best_in_one_thing_alone_is_on_the_front():
    tiny = candidate("tiny", 0.10, 9.0, 1)
    assert tiny in pareto_front([*ALL, tiny])


def test_equal_files_do_not_beat_each_other():
    twin = candidate("twin", 0.86, 0.04, 98)
    assert {MIDDLE, twin} <= set(pareto_front([*ALL, twin]))


def test_noise_in_the_times_of_one_network_puts_none_of_its_files_on_the_front():
    good, bad = candidate("good", 0.87, 0.041, 98, "nano"), candidate("bad", 0.85, 0.039, 98.4, "nano")
    assert bad in pareto_front([good, bad])
    shared = with_shared_costs([good, bad])
    assert [one.path for one in pareto_front(shared)] == ["good"]
    assert [one.p50_ms for one in shared] == pytest.approx([0.040, 0.040])


def test_a_longer_card_puts_no_file_of_a_network_on_the_front_and_the_size_stays_its_own():
    good, bad = candidate("good", 0.87, 0.04, 98.01, "nano"), candidate("bad", 0.85, 0.04, 97.99, "nano")
    shared = with_shared_costs([good, bad])
    assert [one.path for one in pareto_front(shared)] == ["good"]
    assert [one.size_bytes for one in shared] == [98_010, 97_990]


def test_formats_of_one_network_keep_their_own_times():
    onnx = candidate("onnx", 0.87, 0.06, 98, "nano", "ONNX")
    tflite = candidate("tflite", 0.87, 0.04, 98, "nano")
    assert [one.p50_ms for one in with_shared_costs([onnx, tflite])] == [0.06, 0.04]


@pytest.mark.parametrize(
    ("limits", "best"),
    [
        (Limits(), BEST),
        (Limits(max_kb=200), MIDDLE),
        (Limits(max_ms=0.03), SMALL),
        (Limits(max_kb=98, max_ms=0.04), MIDDLE),
        (Limits(max_kb=97.9, max_ms=5), SMALL),
        (Limits(max_kb=50), None),
    ],
)
def test_the_best_file_is_the_most_accurate_within_both_limits(limits, best):
    assert best_within(ALL, limits) == best


def test_where_none_fits_the_nearest_is_the_one_least_beyond_its_worst_limit():
    assert nearest_to(ALL, Limits(max_kb=80, max_ms=0.01)) == SMALL
    assert nearest_to(ALL, Limits(max_ms=0.001)) == SMALL
    assert nearest_to([BEST, MIDDLE], Limits(max_kb=90)) == MIDDLE


@pytest.mark.parametrize(
    ("limits", "text"),
    [(Limits(200, 5), "200 kB and 5 ms"), (Limits(max_ms=0.5), "0.5 ms"), (Limits(), "")],
)
def test_limits_read_like_the_options(limits, text):
    assert limits.text == text
