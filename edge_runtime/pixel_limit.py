"""The largest picture that is read."""

MAX_PIXELS = 50_000_000
"""The largest image that is decoded; a decompression bomb needs a limit before the first allocation."""
