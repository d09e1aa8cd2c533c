"""Is it enough? What the pictures themselves say of a training: labels, duplicates, how many are wanted."""
