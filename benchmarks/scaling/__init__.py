"""How the cost of a file grows with threads or resolution. See `edgecls bench --scaling`."""
