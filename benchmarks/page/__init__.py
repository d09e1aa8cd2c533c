"""The report to look at: one page with its plots, JSON and CSV beside it. See `edgecls bench --report`."""
