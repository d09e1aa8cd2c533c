"""From a picture to a network's input: one way for training, export, benchmarks and the camera."""
