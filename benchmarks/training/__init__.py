"""How fast `edgecls train` is beside the straightforward program. See `edgecls bench --training`."""
