"""`--max-drop` where there are few pictures: what chance may hide is no proof."""

import pytest

from edgecls.edge_runtime.errors import UsageError
from edgecls.export.confidence import check_judgeable
from edgecls.export.int8_loss import Attempt, limit_asked


def attempt(drop_points: float, shown_points: float) -> Attempt:
    return Attempt("min-max", (), drop_points, 0.0, 0.0, shown_points=shown_points)


def test_many_validation_images_are_judged_as_they_are():
    assert limit_asked(1, 200, 0).holds(attempt(1.0, shown_points=2.5))
    assert not limit_asked(1, 200, 0).holds(attempt(1.1, shown_points=1.0))


def test_of_few_images_it_must_be_shown_that_the_loss_is_no_larger():
    limit = limit_asked(1, 9, 512)
    assert limit.holds(attempt(0.0, shown_points=0.9))
    assert not limit.holds(attempt(0.0, shown_points=1.1))


def test_a_limit_that_so_few_images_cannot_show_is_refused_with_one_that_they_can():
    with pytest.raises(UsageError, match=r"9 validation and 20 .* below 9\.8 points; .* allow --max-drop 10"):
        limit_asked(1, 9, 20)
    assert limit_asked(10, 9, 20).holds(attempt(0.0, shown_points=9.9))


def test_a_target_precision_takes_as_many_images_that_one_wrong_answer_may_be_among_them():
    check_judgeable(0.95, 20)
    check_judgeable(1, 3)
    with pytest.raises(UsageError, match="takes 20 validation images to judge, there are 9"):
        check_judgeable(0.95, 9)
