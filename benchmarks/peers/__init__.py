"""Other engines on the same files: what the choice of an engine costs. No command on a device needs them."""
