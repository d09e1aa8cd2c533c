"""Pages to look at: one HTML document that loads nothing else, with charts and small pictures in it."""
