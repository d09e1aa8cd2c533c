"""Adds TFLite metadata with TensorFlow's own writer, as Model Maker, AutoML and MediaPipe do."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tflite_support.metadata_writers import image_classifier, writer_utils

from .given import TEST_CELLS, Corpus
from .networks import FIT, fit, keras, seen, shake, small
from .tflite_files import convert, run

_FORMS = {
    "neg_float": ("float", "-1..1", [127.5], [127.5]),
    "model_maker_float": ("float", "lite", [127.0], [128.0]),
    "zero_one_float": ("float", "0..1", [0.0], [255.0]),
    "bytes_float": ("float", "0..255", [0.0], [1.0]),
    "imagenet_float": ("float", "imagenet", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "neg_uint8": ("uint8", "-1..1", [127.5], [127.5]),
    "zero_one_uint8": ("uint8", "0..1", [0.0], [255.0]),
    "bytes_uint8": ("uint8", "0..255", [0.0], [1.0]),
    "neg_int8": ("int8", "-1..1", [127.5], [127.5]),
}


def main(folder: Path, only: list):
    corpus = Corpus(folder, "tflite-metadata", f"tflite-support, TensorFlow {tf.__version__}", only)
    for name, (form, _, mean, std) in _FORMS.items():

        def make(name=name, form=form, mean=mean, std=std):
            keras.utils.set_random_seed(5)
            see = lambda cells: seen(cells, 64, "0..255", "center", mean=np.array(mean), std=np.array(std))  # noqa: E731
            model = fit(shake(small(64)), see(FIT))
            content = convert(model, form, see(FIT))
            scores, step = run(content, see(TEST_CELLS))
            # The writer says a quantised file's pixels once more, in the terms of the float network.
            writer = image_classifier.MetadataWriter.create_for_inference(
                content, mean, std, [str(folder / "labels.txt")]
            )
            writer_utils.save_file(writer.populate(), str(corpus.path(f"{name}.tflite")))
            corpus.add(
                f"{name}.tflite",
                "metadata",
                scores,
                labels=None,
                options=[],
                states_all=True,
                tolerance=max(step * 1.01, 1e-4),
            )

        corpus.attempt(f"{name}.tflite", make)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
