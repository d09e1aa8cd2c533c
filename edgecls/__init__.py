"""edgecls: train an image classifier, export it, prove it, and run it beside a camera."""
