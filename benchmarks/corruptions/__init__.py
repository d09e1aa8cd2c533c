"""How much accuracy a file keeps as pictures get worse. See `edgecls bench --corruptions`."""
