"""Images: from a picture to a network's input, for training, export, benchmarks and the camera alike."""
