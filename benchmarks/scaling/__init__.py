"""How the cost of each file grows with threads or resolution. See `edgecls bench --scaling`."""
