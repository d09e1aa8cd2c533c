from dataclasses import replace

import pytest
from edgecls.edge_runtime.doctor.finding import Level
from edgecls.edge_runtime.doctor.userland import check_environment, check_glibc, check_word_size


@pytest.mark.parametrize("processor", ["aarch64", "x86_64"])
def test_64_bits_are_fine(processor):
    assert check_word_size(64, processor).level is Level.OK


@pytest.mark.parametrize(
    ("processor", "what", "advice"),
    [
        ("armv7l", "a 32-bit system (armv7l), and LiteRT and onnxruntime have no wheels", "the 64-bit Rasp"),
        ("aarch64", "a 32-bit system on a 64-bit kernel (aarch64), and LiteRT", "the 64-bit Raspberry Pi OS"),
        ("armv6l", "this board's processor (armv6l) has 32 bits only", "use a Raspberry Pi 3, 4, 5 or Zero"),
    ],
)
def test_a_32_bit_system_has_no_wheels(processor, what, advice):
    found = check_word_size(32, processor)

    assert found.level is Level.PROBLEM
    assert what in found.what
    assert advice in found.advice


def test_the_glibc_that_the_wheels_were_made_for_is_enough():
    assert check_glibc((2, 28)).level is Level.OK
    assert check_glibc((2, 41)).level is Level.OK


def test_an_old_glibc_is_named_with_the_one_that_is_needed():
    found = check_glibc((2, 27))

    assert found.level is Level.PROBLEM
    assert found.what == "glibc 2.27 is too old: the engines' wheels need glibc 2.28 or later"


def test_another_c_library_is_a_problem():
    assert check_glibc(None).level is Level.PROBLEM


def test_a_virtual_environment_is_fine(python):
    assert check_environment(python).level is Level.OK


def test_the_systems_own_python_is_warned_of(python):
    found = check_environment(replace(python, executable="/usr/bin/python3", externally_managed=True))

    assert found.level is Level.WARNING
    assert found.command.startswith("/usr/bin/python3 -m venv --system-site-packages ~/edgecls && ")


def test_pip_is_told_to_change_the_systems_python_where_that_is_what_it_takes(python):
    system = replace(python, executable="/usr/bin/python3", externally_managed=True)

    assert system.pip("install", "x") == "/usr/bin/python3 -m pip install --break-system-packages x"
    assert python.pip("install", "x") == "/home/pi/edgecls/bin/python -m pip install x"
