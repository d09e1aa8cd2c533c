import pytest

from tools.pipeline_report import AgeReport, AgeSample, CallReport
from tools.pipelines import PipelineTimes, agreement


def pipeline(
    *windows: tuple[tuple[int, ...], ...], stages: tuple[str, ...] = ("decode", "engine")
) -> PipelineTimes:
    return PipelineTimes("pipeline", "fake 1.0", stages, windows)


def test_what_is_quoted_is_the_median_of_the_windows_medians():
    quiet, busy = ((2_000_000, 1_000_000),) * 3, ((90_000_000, 9_000_000),) * 50
    report = pipeline(quiet, busy, quiet)
    assert (report.stage_ms("decode"), report.stage_ms("engine"), report.total_ms) == (2, 1, 3)


def test_a_ratio_pairs_the_windows_of_a_round():
    slow = pipeline(((300, 0),), ((3000, 0),), ((30_000, 0),))
    fast = pipeline(((100, 0),), ((1000, 0),), ((10_000, 0),))
    assert slow.ratio(fast) == pytest.approx(3)


def test_every_frame_with_another_label_counts_against_the_agreement():
    counted = agreement([1, 2, 3, 4], [1, 2, 0, 4])
    assert (counted.same, counted.frames, counted.share) == (3, 4, 0.75)


def test_the_labels_of_different_frames_cannot_be_compared():
    with pytest.raises(ValueError, match="zip"):
        agreement([1, 2], [1])


def test_a_call_is_compared_without_and_with_its_label():
    classify = pipeline(((11_000, 2_000),), stages=("classify", "label"))
    report = CallReport(classify, pipeline(((10_000,),), stages=("engine",)))
    assert report.classify_ratio == pytest.approx(1.1)
    assert report.labelled_ratio == pytest.approx(1.3)


def ages(*numbers: int, age_ms: float = 350.0, classify_ms: float = 333.0) -> AgeReport:
    return AgeReport(30.0, tuple(AgeSample(number, age_ms, classify_ms) for number in numbers))


@pytest.mark.parametrize(
    ("numbers", "misplaced"), [((1, 11, 21), 0), ((1, 11, 11, 21), 1), ((1, 21, 11, 31), 1), ((5, 5, 5), 2)]
)
def test_a_frame_that_comes_again_or_late_is_noticed(numbers, misplaced):
    assert ages(*numbers).misplaced == misplaced


def test_an_age_is_judged_by_the_frame_interval_and_the_classification():
    report = ages(1, 11, age_ms=350, classify_ms=333)
    assert report.waited_ms(99) == pytest.approx(17)
    assert report.limit_ms(99) == pytest.approx(333 + 1000 / 30)
