"""Changes training images in ways that keep their label, so that a network sees more than there are."""

from .kinds import KINDS, augment, parse_kinds

__all__ = ["KINDS", "augment", "parse_kinds"]
