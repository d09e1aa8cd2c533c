"""Makes Keras files under any Keras."""

import shutil
import sys
from pathlib import Path

import numpy as np

from .given import IMAGENET, Corpus, softmax
from .keras_networks import (
    Halves,
    animals,
    attention,
    blank_names,
    cifar,
    dictionary,
    digits,
    flowers,
    from_scratch,
    merges,
    nested_sequential,
    normalization,
    operations,
    renamed,
    softmax_layer,
    squeeze,
    teachable_machine,
    transfer,
    two_heads,
    two_inputs,
)
from .networks import FIT, TEST, answers, fit, is_three, keras, layers, seen, shake, small, tf, version

CAFFE_MEAN = (103.939, 116.779, 123.68)
STRETCH = ["--crop", "stretch"]


def wide(activation):
    """A convolution of weights so large that a function is used where it bends, and where it ends."""
    return layers.Conv2D(
        12, 3, activation=activation, kernel_initializer=keras.initializers.RandomUniform(-1, 1)
    )


def in_float32(model):
    """Returns a network of `small` with the weights as they are saved, which are float32, and computed so.

    What their library answers in half precision is rounded at each layer; nothing else rounds alike.
    """
    twin = small()
    twin.set_weights(model.get_weights())
    return twin


class KerasFiles:
    """Files of the Keras that is installed here."""

    def __init__(self, folder: Path, only: list):
        self.corpus = Corpus(folder, f"keras-{version}", f"Keras {version}", only)
        self.endings = (".h5",) if version.startswith("2.12") else (".keras",)

    def save(self, name, kind, build, scale="0..1", options=None, ending=None, outputs=3, **rest):
        """Builds a network, fits it to the pictures, saves it, and notes its answers."""
        sees = {key: rest.pop(key) for key in ("crop", "channels", "mean", "std") if key in rest}
        fits, height = rest.pop("fits", True), rest.pop("height", 2.5)
        after = rest.pop("after", lambda scores: scores)
        endings = (ending,) if ending else self.endings
        names = [f"{name}{end}" for end in endings]

        def make():
            keras.backend.clear_session()
            keras.utils.set_random_seed(5)
            model = build()
            side = model.inputs[0].shape[1] or 64
            if fits:
                pictures = seen(FIT, side, scale, **sees)
                fit(shake(model, pictures), pictures, outputs, height)
            answering = rest.pop("twin", lambda given: given)(model)
            scores = after(answers(answering, seen(TEST, side, scale, **sees)))
            for file in names:
                model.save(str(self.corpus.path(file)))
                self.corpus.add(
                    file,
                    kind,
                    scores,
                    export=True,
                    options=options if options is not None else ["--scale", scale, *STRETCH],
                    **rest,
                )

        self.corpus.attempt(names[0], make)

    def make_all(self):
        """Makes every file."""
        for part in (
            self.scales,
            self.heads,
            self.first_layers,
            self.old_layers,
            self.activations,
            self.shapes,
            self.norms,
            self.policies,
            self.tutorials,
            self.nested,
            self.outputs,
            self.refused,
            self.folders,
        ):
            part()

    def scales(self):
        for scale in ("0..255", "0..1", "-1..1"):
            for ending in {".h5", self.endings[0]}:
                self.save(f"scale_{scale.replace('..', '_')}", "scale", small, scale, ending=ending)
        self.save("center_crop", "crop", small, crop="center", options=["--scale", "0..1"])
        self.save(
            "imagenet_mean",
            "mean and deviation",
            small,
            crop="stretch",
            mean=IMAGENET[0],
            std=IMAGENET[1],
            options=["--scale", "0..1", "--mean", "imagenet", "--std", "imagenet", *STRETCH],
            ending=".h5",
        )
        self.save(
            "caffe_bgr",
            "bgr",
            small,
            "0..255",
            channels="bgr",
            mean=CAFFE_MEAN,
            ending=".h5",
            options=["--scale", "0..255", "--channels", "bgr", "--mean", "103.939,116.779,123.68", *STRETCH],
        )

    def heads(self):
        self.save(
            "binary",
            "binary",
            lambda: small(head="sigmoid", outputs=1),
            outputs=1,
            labels="labels_two.txt",
            after=lambda p: np.concatenate([1 - p, p], 1),
        )
        self.save("multi_label", "multi-label", lambda: small(head="sigmoid"))
        self.save("logits", "head", lambda: small(head=None), after=softmax)
        self.save("softmax_layer", "head", softmax_layer)
        self.save("no_bias", "head", lambda: small(use_bias=False), fits=True)

    def first_layers(self):
        rescale = {"options": STRETCH, "states_all": True}
        self.save(
            "rescaling_1",
            "first layers",
            lambda: small(first=[layers.Rescaling(1 / 255)]),
            "0..255",
            **rescale,
        )
        self.save(
            "rescaling_neg",
            "first layers",
            lambda: small(first=[layers.Rescaling(1 / 127.5, -1)]),
            "0..255",
            **rescale,
        )
        self.save(
            "normalization",
            "captured constants",
            normalization,
            "0..255",
            options=["--scale", "0..255", *STRETCH],
        )
        self.save(
            "normalization_given",
            "captured constants",
            lambda: small(
                first=[layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.0524, 0.0502, 0.0506])]
            ),
        )
        self.save(
            "augmentation",
            "training only",
            lambda: small(
                first=[
                    layers.RandomFlip("horizontal"),
                    layers.RandomRotation(0.1),
                    layers.RandomZoom(0.1),
                    layers.RandomContrast(0.1),
                    layers.RandomTranslation(0.1, 0.1),
                    layers.Rescaling(1 / 255),
                ]
            ),
            "0..255",
            **rescale,
        )
        self.save(
            "noise_dropout",
            "training only",
            lambda: small(
                middle=lambda x: layers.Conv2D(12, 3, activation="relu")(
                    layers.GaussianDropout(0.1)(
                        layers.GaussianNoise(0.1)(layers.SpatialDropout2D(0.2)(layers.Dropout(0.2)(x)))
                    )
                )
            ),
        )
        self.save(
            "resizing",
            "first layers",
            lambda: small(96, first=[layers.Resizing(48, 48), layers.Rescaling(1 / 255)]),
            "0..255",
            **rescale,
        )
        self.save(
            "center_crop_layer",
            "first layers",
            lambda: small(96, first=[layers.CenterCrop(64, 64), layers.Rescaling(1 / 255)]),
            "0..255",
            **rescale,
        )
        self.save(
            "preprocess_input_ops",
            "preprocess_input",
            operations,
            "0..255",
            options=["--scale", "0..255", *STRETCH],
        )

    def old_layers(self):
        for name, middle in {
            "depthwise": lambda x: layers.DepthwiseConv2D(3, padding="same", activation="relu")(x),
            "separable": lambda x: layers.SeparableConv2D(12, 3, activation="relu")(x),
            "transpose": lambda x: layers.Conv2DTranspose(12, 3, strides=2, activation="relu")(x),
            "grouped": lambda x: layers.Conv2D(16, 3, groups=4, activation="relu")(x),
            "dilated": lambda x: layers.Conv2D(16, 3, dilation_rate=2, activation="relu")(x),
            "pools": lambda x: layers.AveragePooling2D(2)(layers.MaxPooling2D(padding="same")(x)),
            "global_max": lambda x: layers.GlobalMaxPooling2D()(x),
            "flatten": lambda x: layers.Dense(16, activation="relu")(
                layers.Flatten()(layers.MaxPooling2D(4)(x))
            ),
            "up_and_crop": lambda x: layers.Cropping2D(2)(layers.UpSampling2D(2)(layers.ZeroPadding2D(1)(x))),
            "reshape_permute": lambda x: layers.Conv2D(8, 3)(
                layers.Reshape((24, 24, 8))(layers.Permute((2, 1, 3))(x))
            ),
        }.items():
            self.save(f"layer_{name}", "layers", lambda middle=middle: small(middle=middle))

    def activations(self):
        names = [
            "hard_sigmoid",
            "swish",
            "gelu",
            "elu",
            "selu",
            "softplus",
            "softsign",
            "tanh",
            "exponential",
        ]
        for name in [
            *names,
            *(
                ["relu6", "silu", "hard_silu", "celu", "mish", "leaky_relu", "hard_tanh"]
                if is_three
                else ["relu6"]
            ),
        ]:
            function = tf.nn.relu6 if name == "relu6" and not is_three else name
            if name == "relu6" and not is_three:
                continue
            self.save(
                f"act_{name}",
                "activations",
                lambda f=function: small(middle=lambda x: wide(f)(x)),
            )
        self.save(
            "act_layers",
            "activations",
            lambda: small(
                middle=lambda x: layers.PReLU(shared_axes=[1, 2])(
                    layers.Conv2D(8, 3)(
                        layers.LeakyReLU(0.1)(layers.ELU()(layers.ReLU(6.0)(layers.Conv2D(8, 3)(x))))
                    )
                )
            ),
        )

    def shapes(self):
        self.save(
            "grey",
            "grey",
            lambda: small(channels=1),
            channels="grey",
            options=["--scale", "0..1", "--channels", "grey", *STRETCH],
        )
        self.save(
            "any_size",
            "any size",
            lambda: small(None),
            options=["--scale", "0..1", *STRETCH],
        )
        self.save("blanks in names", "names", blank_names, fits=False, twin=renamed)

    def norms(self):
        self.save(
            "norm_batch",
            "layers",
            lambda: small(
                middle=lambda x: layers.ReLU()(
                    layers.BatchNormalization()(layers.Conv2D(12, 3, use_bias=False)(x))
                )
            ),
        )
        self.save("norm_layer", "layers", lambda: small(middle=lambda x: layers.LayerNormalization()(x)))
        if hasattr(layers, "GroupNormalization"):
            self.save("norm_group", "layers", lambda: small(middle=lambda x: layers.GroupNormalization(4)(x)))
        self.save("squeeze", "layers", lambda: small(middle=squeeze))
        self.save("merges", "layers", lambda: small(middle=merges))
        self.save("attention", "layers", lambda: small(middle=attention))

    def policies(self):
        for policy in ("mixed_float16", "mixed_bfloat16"):

            def build(policy=policy):
                keras.mixed_precision.set_global_policy(policy)
                try:
                    return small()
                finally:
                    keras.mixed_precision.set_global_policy("float32")

            def build_last(policy=policy):
                keras.mixed_precision.set_global_policy(policy)
                try:
                    model = small(head=None)
                    return keras.Model(
                        model.inputs, layers.Activation("softmax", dtype="float32")(model.outputs[0])
                    )
                finally:
                    keras.mixed_precision.set_global_policy("float32")

            self.save(policy, "policies", build, twin=in_float32)
            self.save(f"{policy}_float_end", "policies", build_last, twin=in_float32)

    def tutorials(self):
        rescale = {"options": STRETCH, "states_all": True}
        self.save("tutorial_flowers", "tutorials", flowers, "0..255", height=2.0, **rescale)
        self.save("tutorial_from_scratch", "tutorials", from_scratch, "0..255", **rescale)
        self.save(
            "tutorial_digits",
            "tutorials",
            digits,
            channels="grey",
            options=["--channels", "grey", "--scale", "0..1", *STRETCH],
        )
        self.save("tutorial_cifar", "tutorials", cifar)
        self.save(
            "tutorial_transfer", "tutorials", transfer, "0..255", options=["--scale", "0..255", *STRETCH]
        )

    def nested(self):
        self.save(
            "teachable_machine",
            "nested",
            teachable_machine,
            "-1..1",
            fits=False,
            crop="center",
            options=["--scale", "-1..1"],
            labels="labels_numbered.txt",
            ending=".h5",
        )
        self.save("nested_sequential", "nested", nested_sequential)

    def outputs(self):
        self.save(
            "outputs_dict",
            "several outputs",
            dictionary,
            fits=False,
            twin=animals,
            options=["--scale", "0..1", *STRETCH],
        )
        self.save(
            "outputs_list",
            "several outputs",
            two_heads,
            fits=False,
            options=["--scale", "0..1", *STRETCH],
            twin=animals,
        )

    def refused(self):
        self._refused("lambda", ".keras", lambda: small(first=[layers.Lambda(lambda x: x / 2)]))
        self._refused("lambda", ".h5", lambda: small(first=[layers.Lambda(lambda x: x / 2)]))
        self._refused("custom_layer", ".h5", lambda: small(first=[Halves()]))
        self._refused(
            "unbuilt",
            ".keras" if is_three else ".h5",
            lambda: keras.Sequential(
                [layers.Conv2D(8, 3), layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
            ),
        )
        self._refused("only_weights.weights", ".h5", small, weights=True)
        self._refused("two_inputs", self.endings[-1], two_inputs)
        self._refused(
            "regression", self.endings[-1], lambda: small(head=None, outputs=1), labels="labels.txt"
        )

    def _refused(self, name, ending, build, weights=False, labels="labels.txt"):
        def make():
            keras.backend.clear_session()
            model = build()
            path = str(self.corpus.path(f"{name}{ending}"))
            model.save_weights(path) if weights else model.save(path)
            self.corpus.add(
                f"{name}{ending}", "to be refused", export=True, labels=labels, options=["--scale", "0..1"]
            )

        self.corpus.attempt(f"{name}{ending}", make)

    def folders(self):
        def make():
            keras.backend.clear_session()
            model = fit(small(), seen(FIT, 48, "0..1"))
            place = self.corpus.path("saved_model")
            shutil.rmtree(place, ignore_errors=True)
            model.export(str(place)) if hasattr(model, "export") and is_three else model.save(str(place))
            scores = answers(model, seen(TEST, 48, "0..1"))
            self.corpus.add(
                "saved_model", "SavedModel", scores, export=True, options=["--scale", "0..1", *STRETCH]
            )

        self.corpus.attempt("saved_model", make)


if __name__ == "__main__":
    KerasFiles(Path(sys.argv[1]), sys.argv[2:]).make_all()
