"""Makes TFLite files with TensorFlow's own converter."""

import sys
from pathlib import Path

import numpy as np

from .given import IMAGENET, Corpus, softmax
from .keras_files import CAFFE_MEAN, STRETCH
from .keras_networks import animals, teachable_machine, two_heads
from .networks import FIT, TEST, fit, keras, layers, seen, shake, small, tf

INT8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
INT16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def convert(model, kind, pictures):
    """Returns a model as TFLite: `kind` is the type of its ends, or of what is inside."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind in {"float_ends", "uint8", "int8", "int16x8"}:
        converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
        converter.target_spec.supported_ops = [INT16 if kind == "int16x8" else INT8]
    if kind in {"uint8", "int8"}:
        converter.inference_input_type = converter.inference_output_type = getattr(tf, kind)
    return converter.convert()


def run(content, pictures, index=0):
    """Returns what TensorFlow's interpreter answers to float pictures, and the step of its output."""
    interpreter = tf.lite.Interpreter(model_content=content)
    entry = interpreter.get_input_details()[0]
    if pictures.shape[-1] == 1 and entry["dtype"] != np.float32:
        # Its faster convolution of one integer channel differs from its own definition, by 0.17 at worst.
        exact = tf.lite.experimental.OpResolverType.BUILTIN_REF
        interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=exact)
    interpreter.resize_tensor_input(entry["index"], [1, *pictures.shape[1:]])
    interpreter.allocate_tensors()
    entry, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[index]
    rows = []
    for picture in pictures:
        interpreter.set_tensor(entry["index"], quantised(picture[None], entry))
        interpreter.invoke()
        row = interpreter.get_tensor(leave["index"])[0].astype(np.float32)
        scale, zero = leave["quantization"]
        rows.append((row - zero) * scale if scale else row)
    return np.stack(rows), leave["quantization"][0]


def quantised(picture, entry):
    """Returns a float picture as an interpreter's input takes it."""
    if entry["dtype"] == np.float32:
        return picture
    scale, zero = entry["quantization"]
    kind = np.iinfo(entry["dtype"])
    return np.clip(np.round(picture / scale + zero), kind.min, kind.max).astype(entry["dtype"])


class TfliteFiles:
    """Files of the TensorFlow that is installed here."""

    def __init__(self, folder, only):
        self.corpus = Corpus(folder, f"tflite-{tf.__version__}", f"TensorFlow {tf.__version__}", only)

    def save(self, name, kind, build, form="float", scale="0..1", options=None, **rest):
        sees = {key: rest.pop(key) for key in ("crop", "channels", "mean", "std") if key in rest}
        after, outputs, index = rest.pop("after", lambda p: p), rest.pop("outputs", 3), rest.pop("index", 0)
        fits = rest.pop("fits", True)
        integer = form in {"uint8", "int8"}

        def make():
            keras.backend.clear_session()
            keras.utils.set_random_seed(5)
            model = build()
            side = model.inputs[0].shape[1] or 64
            pictures = seen(FIT, side, scale, **sees)
            if fits:
                fit(shake(model, pictures), pictures, outputs)
            content = convert(model, form, pictures)
            scores, step = run(content, seen(TEST, side, scale, **sees), index)
            self.corpus.path(f"{name}.tflite").write_bytes(content)
            rough = 2e-3 if form in {"float_ends", "dynamic", "int16x8", "float16"} else 1e-4
            self.corpus.add(
                f"{name}.tflite",
                kind,
                after(scores),
                tolerance=max(step * 1.01, rough),
                states_all=rest.pop("states_all", integer and not sees.get("channels")),
                options=options
                if options is not None
                else [*([] if integer else ["--scale", scale]), *STRETCH],
                **rest,
            )

        self.corpus.attempt(f"{name}.tflite", make)

    def make_all(self):
        for scale in ("0..255", "0..1", "-1..1"):
            for form in ("float", "uint8", "int8"):
                self.save(f"{form}_{scale.replace('..', '_')}", "scale", small, form, scale)
        self.save(
            "rescaling_inside_float",
            "scale",
            lambda: small(first=[layers.Rescaling(1 / 127.5, -1)]),
            "float",
            "0..255",
        )
        self.save(
            "rescaling_inside_uint8",
            "scale",
            lambda: small(first=[layers.Rescaling(1 / 127.5, -1)]),
            "uint8",
            "0..255",
        )
        for form in ("float_ends", "dynamic", "float16", "int16x8"):
            self.save(f"inside_{form}", "quantised inside", small, form)
        imagenet = {"mean": IMAGENET[0], "std": IMAGENET[1]}
        words = ["--scale", "0..1", "--mean", "imagenet", "--std", "imagenet", *STRETCH]
        self.save("imagenet_float", "mean and deviation", small, options=words, **imagenet)
        self.save(
            "caffe_bgr",
            "bgr",
            small,
            "float",
            "0..255",
            channels="bgr",
            mean=CAFFE_MEAN,
            options=["--scale", "0..255", "--channels", "bgr", "--mean", "103.939,116.779,123.68", *STRETCH],
        )
        self.save(
            "bgr_uint8",
            "bgr",
            small,
            "uint8",
            "0..255",
            channels="bgr",
            options=["--channels", "bgr", *STRETCH],
            states_all=False,
        )
        self.save(
            "center_crop", "crop", small, crop="center", options=["--scale", "0..1", "--crop", "center"]
        )
        self.save(
            "resize_to",
            "crop",
            small,
            crop="center",
            options=["--scale", "0..1", "--resize-to", "48", "--crop", "center"],
        )
        for form in ("float", "int8"):
            two = {"outputs": 1, "labels": "labels_two.txt", "after": lambda p: np.concatenate([1 - p, p], 1)}
            self.save(f"binary_{form}", "binary", lambda: small(head="sigmoid", outputs=1), form, **two)
            self.save(f"multi_label_{form}", "multi-label", lambda: small(head="sigmoid"), form)
            self.save(f"logits_{form}", "head", lambda: small(head=None), form, after=softmax)
            self.save(
                f"grey_{form}",
                "grey",
                lambda: small(channels=1),
                form,
                channels="grey",
                options=["--channels", "grey", *([] if form == "int8" else ["--scale", "0..1"]), *STRETCH],
            )
        self.save(
            "any_size",
            "any size",
            lambda: small(None),
            options=["--scale", "0..1", "--imgsz", "64", *STRETCH],
        )
        for name, middle in {
            "hard_swish": lambda x: layers.ReLU(6.0)(x + 3.0) * x,
            "gelu": lambda x: layers.Conv2D(12, 3, activation="gelu")(x),
            "upsampling": lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x),
            "depthwise": lambda x: layers.DepthwiseConv2D(3, activation="relu")(x),
            "flatten": lambda x: layers.Dense(12, activation="relu")(
                layers.Flatten()(layers.MaxPooling2D(4)(x))
            ),
        }.items():
            self.save(f"layer_{name}", "layers", lambda middle=middle: small(middle=middle))
        self.tools()

    def tools(self):
        """As tools on the web write them, by what their pages and files say."""
        self.save(
            "teachable_machine",
            "tools",
            teachable_machine,
            "float",
            "-1..1",
            crop="center",
            fits=False,
            options=["--scale", "-1..1"],
            labels="labels_numbered.txt",
        )
        self.save(
            "teachable_machine_quantised",
            "tools",
            teachable_machine,
            "uint8",
            "-1..1",
            crop="center",
            fits=False,
            options=[],
            labels="labels_numbered.txt",
        )
        self.save(
            "edge_impulse_int8",
            "tools",
            lambda: small(96),
            "int8",
            "0..1",
            crop="center",
            options=[],
            labels="labels.txt",
        )
        self.save(
            "edge_impulse_float",
            "tools",
            lambda: small(96),
            "float",
            "0..1",
            crop="center",
            options=["--scale", "0..1"],
            labels="labels.txt",
        )
        self.save("frigate_uint8", "tools", lambda: frigate(), "uint8", "0..1", fits=True, options=STRETCH)


def frigate():
    """As Frigate trains its own classifiers: MobileNetV2 of width 0.35 under a small head."""
    base = keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), alpha=0.35, include_top=False, weights=None
    )
    return keras.models.Sequential(
        [
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def two_outputs(folder, only):
    """Files with two outputs, of which one has the labels' scores."""
    files = TfliteFiles(folder, only)

    def make():
        keras.utils.set_random_seed(5)
        model = two_heads()
        content = convert(model, "float", None)
        files.corpus.path("outputs_two.tflite").write_bytes(content)
        scores = np.asarray(animals(model).predict(seen(TEST, 48), verbose=0))
        names = tf.lite.Interpreter(model_content=content).get_output_details()
        name = next(output["name"] for output in names if output["shape"][-1] == 3)
        files.corpus.add(
            "outputs_two.tflite",
            "several outputs",
            scores,
            options=["--scale", "0..1", "--output", name, *STRETCH],
        )

    files.corpus.attempt("outputs_two.tflite", make)


if __name__ == "__main__":
    TfliteFiles(Path(sys.argv[1]), sys.argv[2:]).make_all()
    two_outputs(Path(sys.argv[1]), sys.argv[2:])
