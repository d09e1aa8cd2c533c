from edgecls.trainer.networks import Design, build


def test_it_is_the_documented_one_layer_for_layer():
    network = build(Design(), 32, 32, 10)
    assert network.count_params() == 122_570
    assert [(layer.name, layer.output.shape[1:]) for layer in network.layers] == [
        ("conv1", (30, 30, 32)),
        ("pool1", (15, 15, 32)),
        ("conv2", (13, 13, 64)),
        ("pool2", (6, 6, 64)),
        ("conv3", (4, 4, 64)),
        ("flatten", (1024,)),
        ("dense1", (64,)),
        ("probabilities", (10,)),
    ]


def test_18_px_are_enough():
    assert build(Design(), 18, 18, 2).get_layer("conv3").output.shape == (None, 1, 1, 64)
