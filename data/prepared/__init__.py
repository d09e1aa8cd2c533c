"""Prepared pictures: kept on the disk from one command to the next, and mapped where they are many."""
