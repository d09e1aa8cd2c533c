"""Adopting a file made elsewhere: how its pixels are prepared, found on pictures with known classes."""
