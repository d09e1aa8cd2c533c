"""Mutation run: `python -m tools.mutation` breaks the code of the device in small ways; tests must notice."""
