"""Compares every exported file with the Keras original: size, accuracy, latency, first label, memory.

Works on a device without TensorFlow too: what is relative to Keras is then left open.
"""
