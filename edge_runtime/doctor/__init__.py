"""What stands between this machine and a running camera, with the command that mends it: `edgecls doctor`."""
