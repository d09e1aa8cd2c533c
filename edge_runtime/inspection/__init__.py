"""What is inside a model file, told without running it: layers, tensors, sizes, operations."""
