"""Programs that make the files. Each runs in an environment of its own, which has no edgecls."""
