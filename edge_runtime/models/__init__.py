"""Model files: formats, card, seal, golden frames, and how a model is found."""
