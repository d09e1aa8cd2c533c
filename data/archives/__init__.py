"""Data sets in one file: zips and tars, read without unpacking them into a folder."""
