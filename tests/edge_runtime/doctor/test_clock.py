from edgecls.edge_runtime.doctor.clock import check_clock
from edgecls.edge_runtime.doctor.finding import Level


def test_a_clock_that_is_not_set_makes_wrong_times():
    found = check_clock("no")

    assert found.level is Level.WARNING
    assert found.command == "sudo timedatectl set-ntp true"


def test_a_clock_that_is_set_is_fine():
    assert check_clock("yes").level is Level.OK


def test_without_systemd_nothing_is_claimed():
    assert check_clock(None).level is Level.UNKNOWN
