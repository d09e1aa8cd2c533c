import errno
import os
import re

import pytest

from edgecls.edge_runtime import errors
from edgecls.edge_runtime.errors import EdgeclsError, reading_failed, writing_failed


def every_error() -> list[type[EdgeclsError]]:
    found = [EdgeclsError]
    for kind in found:  # grows while it is walked
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_has_every_error_with_its_code(kind: type[EdgeclsError]):
    assert errors.__doc__
    if kind is not EdgeclsError:
        assert re.search(rf"── {kind.__name__} +{kind.exit_code}\b", errors.__doc__)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_a_service_is_started_again_after_what_may_pass_and_not_after_what_will_not(kind: type[EdgeclsError]):
    assert kind.may_pass == (kind.exit_code in (os.EX_UNAVAILABLE, os.EX_IOERR))


def test_codes_are_those_of_the_system():
    assert errors.BadData.exit_code == os.EX_DATAERR
    assert errors.MissingInput.exit_code == os.EX_NOINPUT
    assert errors.Unavailable.exit_code == os.EX_UNAVAILABLE
    assert errors.OutputFailed.exit_code == os.EX_IOERR
    assert errors.PermissionRefused.exit_code == os.EX_NOPERM
    assert errors.BadConfiguration.exit_code == os.EX_CONFIG
    assert EdgeclsError.exit_code == os.EX_SOFTWARE


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, errors.MissingInput),
        (errno.EACCES, errors.PermissionRefused),
        (errno.EISDIR, errors.BadData),
        (errno.ENOTDIR, errors.MissingInput),
        (errno.ELOOP, errors.BadData),
        *((number, errors.ReadFailed) for number in (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOMEM)),
    ],
)
def test_reading_fails_with_a_line_that_says_what_to_do(number: int, kind: type[EdgeclsError]):
    error = reading_failed("a/b.h5", OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert re.fullmatch(r"a/b\.h5: [^;\n]+; [^;\n]+", str(error))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, errors.OutputFailed),
        (errno.EIO, errors.OutputFailed),
        (errno.ENOTDIR, errors.OutputFailed),
        (errno.EROFS, errors.PermissionRefused),
        (errno.EPERM, errors.PermissionRefused),
    ],
)
def test_writing_fails_with_a_line_that_says_what_to_do(number: int, kind: type[EdgeclsError]):
    error = writing_failed("a/b.h5", OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert re.fullmatch(r"cannot write a/b\.h5: [^;\n]+; [^;\n]+", str(error))
