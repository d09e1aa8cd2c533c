"""The whole way from a camera's bytes to a label, stage by stage. See `edgecls bench --pipeline`."""
