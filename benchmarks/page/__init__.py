"""The report to look at: one page with its plots, JSON and CSV beside it. See `edgecls bench --report`."""

from ...data import plotting  # noqa: F401 - before any module of this folder: it says what to install
