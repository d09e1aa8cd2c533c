"""How the cost of a file grows with threads, batch or resolution. See `edgecls bench --sweep`."""
