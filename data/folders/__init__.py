"""What the folders, names and tables of a data set mean; `layout.py` puts them together."""
