import os

import pytest
from edgecls.edge_runtime.native_output import native_stderr_held


@pytest.mark.parametrize(
    ("end", "shown"), [(None, ""), (ImportError, "why\n"), (KeyboardInterrupt, "")], ids=str
)
def test_what_was_held_back_is_shown_where_it_may_say_what_went_wrong(capfd, end, shown):
    def block() -> None:
        with native_stderr_held():
            os.write(2, b"why\n")
            if end:
                raise end

    if end:
        with pytest.raises(end):
            block()
    else:
        block()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == f"{shown}after\n"
