import pytest
from edgecls.edge_runtime.stated_size import SIZE_PLACE, stated_size, with_stated_size

FILE = b"network " + SIZE_PLACE + b" weights" * 1000


def test_a_truncated_copy_still_knows_how_large_it_was():
    whole = with_stated_size(FILE, 134_440)
    assert stated_size(whole) == 134_440
    assert stated_size(whole[:100]) == 134_440


def test_stating_the_size_moves_nothing():
    whole = with_stated_size(FILE, 134_440)
    assert len(whole) == len(FILE)
    assert whole.replace(b"000000134440", b"000000000000") == FILE


@pytest.mark.parametrize("content", [b"", b"no room here", FILE, FILE[:20]])
def test_a_file_that_states_nothing_has_no_size(content):
    assert stated_size(content) is None


def test_a_file_without_room_stays_as_it_is():
    assert with_stated_size(b"no room here", 12) == b"no room here"


def test_only_the_first_place_counts():
    assert with_stated_size(FILE + FILE, 7) == with_stated_size(FILE, 7) + FILE
