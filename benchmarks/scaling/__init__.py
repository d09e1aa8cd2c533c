"""Latency of each file by engine threads or camera resolution: `edgecls bench --scaling`."""
