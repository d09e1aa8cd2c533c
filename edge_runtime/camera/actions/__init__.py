"""Actions: what happens when another label is announced."""
