"""Options that have no effect together are refused, and name each other."""

import pytest


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("bench --corruptions --seconds 1", "--seconds: has no effect with --corruptions; leave it out"),
        ("bench --corruptions --against a.json", "--against: has no effect with --corruptions"),
        ("bench --corruptions --scaling threads", "--corruptions: has no effect with --scaling"),
        ("bench --scaling threads --images 3", "--images: has no effect with --scaling"),
        ("bench --scaling threads --threads 2", "--threads is varied by --scaling threads"),
        ("train --list --data digits", "--data: has no effect with --list"),
        ("train --list --epochs 3", "--epochs: has no effect with --list"),
        ("train --data digits --temperature 3", "--temperature: has no effect without --teacher; add it"),
        ("train --data digits --teacher-share 0.3", "--teacher-share: has no effect without --teacher"),
        ("train --imgsz 32 --size 40", "--imgsz and --size: only one has an effect; leave one out"),
        ("sweep --imgsz 32 --size 40", "--imgsz and --size: only one has an effect"),
        ("export --max-drop 1", "--max-drop: has no effect without --int8; add it"),
        ("export --calibration-images 8 --float16", "--calibration-images: has no effect without --int8"),
        ("export --precision 1 --target-precision 1", "--target-precision and --precision: only one"),
        ("demo --output a --folder b", "--output and --folder: only one has an effect"),
        ("camera --source demo --once --max-frames 2", "--once and --max-frames: only one has an effect"),
        ("camera --source demo --token secret", "--token: has no effect without --serve; add it"),
        ("camera --source demo --events-max-mb 1", "--events-max-mb: has no effect without --events"),
        ("camera --replay there --events a.jsonl", "--events: has no effect with --replay"),
        ("camera --replay there --smooth 1", "--smooth: has no effect with --replay"),
        ("camera --config none.toml --token secret", "--token: has no effect without --serve"),
        ("service install --token secret --print", "--token: has no effect without --serve"),
    ],
)
def test_an_option_without_effect_is_refused(tmp_path, run_here, typed, told):
    (tmp_path / "none.toml").write_text('source = "demo"\n')
    done = run_here(*typed.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_configuration_file_says_counts(tmp_path, run_here):
    (tmp_path / "door.toml").write_text('source = "demo"\nserve = "127.0.0.1:0"\n')
    done = run_here("camera", "--config", "door.toml", "--token", "secret", "--print-config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_only_int8_files_take_int8(tiny, tmp_path, run_here):
    done = run_here("export", tiny.h5, "--io", "int8", "--int8", "--float16", cwd=tmp_path)
    assert done.returncode == 2
    assert "--float16: has no effect with --io int8; leave one of them out" in done.stderr
