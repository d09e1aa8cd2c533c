"""The command line: one short file a command. Options in, one call, lines out."""
