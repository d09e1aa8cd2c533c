"""Writes one handwritten digit as a PNG, for trying the device's installation on a real picture."""

import sys

import cv2
from sklearn.datasets import load_digits

cv2.imwrite(sys.argv[1], (load_digits().images[0] * 15.9375).astype("uint8"))  # 0..16 to 0..255
