from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.catalogue import macs, network_bytes


def test_100_000_bytes_hold_its_int8_network_and_a_card_of_10_000():
    assert network_bytes(build(Design("nano"), 32, 32, 10)) <= 90_000


def test_it_multiplies_no_more_than_resnet8():
    nano, resnet8 = (build(Design(arch), 32, 32, 10) for arch in ("nano", "resnet8"))
    assert macs(nano) <= macs(resnet8)
