"""Inbox: frames worth labelling, kept within a number and a size."""
