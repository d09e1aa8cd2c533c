"""Inspection of model files without running them: layers, tensors, sizes, operators."""
