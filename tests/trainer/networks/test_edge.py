from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.catalogue import int8_bytes


def test_its_int8_file_has_at_most_600_000_bytes():
    assert int8_bytes(build(Design("edge"), 32, 32, 10)) <= 600_000
