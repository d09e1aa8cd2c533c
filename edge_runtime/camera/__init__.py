"""The camera loop: sources of frames, decisions over time, and outputs for the answers."""
