"""The report to look at: one page with its plots, JSON and CSV beside it. See `edgecls bench --report`."""

from importlib.util import find_spec

from ...edge_runtime.errors import Unavailable

# Here, before any module of this folder: several of them import it, and which one is first may change.
if find_spec("matplotlib") is None:
    raise Unavailable('--report draws with matplotlib; run `pip install "edgecls[train]"`')
