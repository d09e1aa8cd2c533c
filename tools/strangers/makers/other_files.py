"""Makes ONNX files with scikit-learn and tf2onnx, and files that are no classifiers of pictures."""

import sys
from pathlib import Path

import numpy as np

from .given import FIT_CELLS, FIT_KINDS, LABELS, TEST_CELLS, Corpus, prepared


def scikit_learn(corpus):
    """A classifier of rows of numbers, in the three forms that skl2onnx gives its answers in."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    rows = lambda cells: (prepared(cells, 16).reshape(len(cells), -1) / 255).astype(np.float32)  # noqa: E731
    model = LogisticRegression(max_iter=50).fit(rows(FIT_CELLS), np.array(LABELS)[FIT_KINDS])
    for name, options in {"rows_map": {}, "rows_plain": {"zipmap": False}}.items():

        def make(name=name, options=options):
            content = to_onnx(model, rows(TEST_CELLS[:1]), options=options or None, target_opset=17)
            corpus.path(f"{name}.onnx").write_bytes(content.SerializeToString())
            corpus.add(f"{name}.onnx", "to be refused", options=["--scale", "0..1"])

        corpus.attempt(f"{name}.onnx", make)


if __name__ == "__main__":
    scikit_learn(Corpus(Path(sys.argv[1]), "onnx-sklearn", "skl2onnx", sys.argv[2:]))
