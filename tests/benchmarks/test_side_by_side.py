from edgecls.benchmarks.report import Settings
from edgecls.benchmarks.side_by_side import time_files
from edgecls.edge_runtime.errors import MissingInput

QUICKEST = Settings(seconds=0.002, windows=2)


def test_files_are_timed_and_one_that_fails_takes_no_other_with_it(tiny, tmp_path):
    paths = [*tiny.files, tmp_path / "none.tflite"]
    times = time_files(paths, QUICKEST)
    assert list(times.latencies) == list(tiny.files)
    assert all(len(latency.windows) == 2 for latency in times.latencies.values())
    assert [type(error) for error in times.errors.values()] == [MissingInput]
