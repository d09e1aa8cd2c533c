"""Classifies pictures with MediaPipe's ImageClassifier. Run by MediaPipe's own Python, which has no edgecls.

    classify.py MODEL.tflite IMAGES.npy     uint8 (N, H, W, 3) RGB

Writes JSON: for each picture its [label, score] pairs, best first.
"""

import json
import sys

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import vision


def main(model: str, images: str) -> None:
    answers = []
    with vision.ImageClassifier.create_from_model_path(model) as classifier:
        for image in np.load(images):
            picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(image))
            (head,) = classifier.classify(picture).classifications
            answers.append([(category.category_name, category.score) for category in head.categories])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
