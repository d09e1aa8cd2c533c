"""A camera loop as a systemd service: `edgecls service`."""
