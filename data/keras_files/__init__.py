"""Networks that Keras 2 or 3 saved (`.h5`, `.keras`): checked, translated to this Keras, and built.

A file is data here. Keras itself never sees its description of the layers: what is on the table of `allowed`
is built by Keras's public constructors, so that nothing in a file can run code, and a file of Keras 2 means
what Keras 2 meant.
"""
