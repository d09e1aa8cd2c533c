import pytest
from edgecls.edge_runtime.errors import BadData
from edgecls.trainer.background import find_background


@pytest.mark.parametrize(
    "label", ["background", "Background", "_background_", "none", "None of these", "none-of-these", "OTHER"]
)
def test_a_folder_for_none_of_these_is_known_by_its_name(label: str):
    assert find_background(("cat", label, "dog"), "it") == label


def test_other_names_are_classes_like_any():
    assert find_background(("cat", "nones", "other animals", "my background"), "it") is None


def test_two_of_them_are_refused_by_name():
    with pytest.raises(BadData, match=r"it: several classes mean none of the others: none, other; put"):
        find_background(("cat", "none", "other"), "it")
