import json

import numpy as np

from edgecls.data.load import load_unlabelled
from edgecls.edge_runtime.images.rule import ImageRule


def test_it_shows_limits_and_clears(run_here, cats_and_dogs, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load_unlabelled(cats_and_dogs, ImageRule(100, 100))
    before = json.loads(run_here("cache", "--json", cwd=tmp_path).stdout)
    assert before["folder"] == str(tmp_path / "edgecls")
    assert (before["files"], before["limit_bytes"]) == (1, 10**10)
    assert 12 * 30_000 < before["size_bytes"] < 12 * 30_100
    done = run_here("cache", "--clear", "--limit", "2.5GB", cwd=tmp_path)
    assert done.stderr == "edgecls: removed 360 kB\n"
    assert done.stdout == f"folder: {tmp_path}/edgecls\nsize: 0 bytes in 0 files\nlimit: 2.5 GB\n"
    off = run_here("-q", "cache", "--limit", "0", cwd=tmp_path)
    assert off.stdout.endswith("limit: 0, nothing is kept\n")
    assert np.any(load_unlabelled(cats_and_dogs, ImageRule(100, 100)).train.images)
    assert json.loads(run_here("cache", "--json", cwd=tmp_path).stdout)["files"] == 0
