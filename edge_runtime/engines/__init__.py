"""Inference engines behind one boundary: LiteRT and onnxruntime."""
