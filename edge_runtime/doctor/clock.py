"""Whether the wall clock is right: a Raspberry Pi without a battery starts at its last shutdown."""

from .finding import Finding, ok, unknown, warning

COMMAND = ("timedatectl", "show", "--property=NTPSynchronized", "--value")


def check_clock(answer: str | None) -> Finding:
    """Whether the clock is set from the network, so that the times of events are right.

    Args:
        answer: what `COMMAND` prints, `yes` or `no`; None where there is no systemd.
    """
    if answer == "no":
        return warning(
            "clock",
            "the clock is not set from the network: events would carry wrong times",
            "sudo timedatectl set-ntp true",
            "and see that UDP port 123 is open; decisions do not depend on this clock",
        )
    if answer != "yes":
        return unknown("clock", "this system does not say whether it is set from the network")
    return ok("clock", "set from the network")
