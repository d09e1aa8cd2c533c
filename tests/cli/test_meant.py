"""What stands where it does not belong is answered with what was meant."""

from pathlib import Path

import pytest

from edgecls.cli.kinds import ValueKind, kinds_of
from edgecls.edge_runtime.models.builtin import builtin_paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one file of each kind, as far as their first bytes tell."""
    (tmp_path / "q.tflite").write_bytes(builtin_paths("nano")[0].read_bytes())
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    for name in ("picture.jpg", "pics/cat/1.jpg", "my pics/cat/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0" + bytes(64))
    (tmp_path / "clip.mp4").write_bytes(bytes(4) + b"ftypisom" + bytes(64))
    (tmp_path / "photos.zip").write_bytes(b"PK\x03\x04" + bytes(64))
    (tmp_path / "door.toml").write_text('source = "m.h5"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("export q.tflite", "did you mean `edgecls camera --model q.tflite`?"),
        (
            "export q.tflite --labels l.txt --resize-to 256",
            "did you mean `edgecls camera --model q.tflite --labels l.txt --resize-to 256`?",
        ),
        ("camera --model m.h5 --labels l.txt", "did you mean `edgecls export m.h5 --labels l.txt`?"),
        ("export nano", "did you mean `edgecls camera --model nano`?"),
        ("export digits", "did you mean --data digits?"),
        ("export pics", "did you mean --data pics?"),
        ("export picture.jpg", "did you mean `edgecls predict picture.jpg`?"),
        ("export . --int8", "name one file in it"),
        ("predict clip.mp4", "did you mean `edgecls camera --source clip.mp4`?"),
        ("predict nano", "did you mean --model nano?"),
        ("predict q.tflite picture.jpg", "did you mean --model q.tflite?"),
        ("predict 0", "did you mean `edgecls camera --source 0`?"),
        ("predict photos.zip", "did you mean `edgecls train --data photos.zip`?"),
        ("predict http://user:secret@host/live", "did you mean `edgecls camera --source URL`?"),
        ("predict --model pics picture.jpg", "did you mean `edgecls predict pics`?"),
        ("predict --model http://user:secret@host/q.tflite picture.jpg", "download it first"),
        ("camera --source nano", "did you mean --model nano?"),
        ("camera --source q.tflite", "did you mean --model q.tflite?"),
        ("camera --source m.h5", "did you mean `edgecls export m.h5`?"),
        ("camera --source photos.zip", "did you mean `edgecls train --data photos.zip`?"),
        ("camera --model m.h5 --source demo", "did you mean `edgecls export m.h5`?"),
        ("camera --model picture.jpg", "did you mean --source picture.jpg?"),
        ("camera --model pics", "did you mean --source pics?"),
        ("camera --model 0", "did you mean --source 0?"),
        ("camera --model rtsp://user:secret@host/", "did you mean --source URL?"),
        ("camera --labels picture.jpg", "did you mean --source picture.jpg?"),
        ("camera --config q.tflite", "did you mean --model q.tflite?"),
        ("camera --config door.toml", "did you mean `edgecls export m.h5`?"),
        ("service install --source q.tflite --print", "did you mean --model q.tflite?"),
        ("train --arch nanoo --data digits", "did you mean 'nano'?"),
        ("train --recipe bset --data digits", "did you mean 'best'?"),
        ("train --augment flip,shft --data digits", "did you mean 'shift'?"),
        ("sweep --arch cnn,nanoo", "did you mean 'nano'?"),
        ("camera --engine onnx", "'onnxruntime'; did you mean 'onnxruntime'? See `edgecls camera --help`"),
        ("bench --fail-under acuracy=0.7", "did you mean 'accuracy'?"),
        ("train --data q.tflite", "did you mean `edgecls camera --model q.tflite`?"),
        ("train --data nano", "did you mean --arch nano?"),
        ("train --data picture.jpg", "did you mean `edgecls predict picture.jpg`?"),
        ("train --data https://user:secret@host/photos.zip", "download it first"),
        ("train --arch digits", "did you mean --data digits?"),
        ("train --teacher q.tflite", "did you mean `edgecls camera --model q.tflite`?"),
        ("sweep --arch nano,digits", "did you mean --data digits?"),
        ("bench nano digits", "did you mean --data digits?"),
        ("bench pics", "did you mean --data pics?"),
        ("bench --data m.h5", "did you mean `edgecls bench m.h5`?"),
        ("bench --against q.tflite", "did you mean `edgecls bench q.tflite`?"),
        ("verify pics", "did you mean `edgecls train --data pics`?"),
        ("verify m.h5", "did you mean `edgecls export m.h5`?"),
        ("verify picture.jpg", "did you mean `edgecls predict picture.jpg`?"),
        ("inspect picture.jpg", "did you mean `edgecls predict picture.jpg`?"),
        ("export .", "name one file in it"),
        ("doctor 0", "did you mean --source 0?"),
        ("doctor pics", "did you mean --source pics?"),
    ],
)
def test_a_value_of_another_kind_is_led_to_its_place(folder, run_here, typed, meant):
    done = run_here(*typed.split(), cwd=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert meant in done.stderr
    assert "secret" not in done.stderr


def test_a_glob_that_the_shell_replaced_is_to_be_quoted(folder, run_here):
    names = [f"pics/cat/{number}.jpg" for number in range(1, 5)]
    for name in names[1:]:
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0" + bytes(64))
    done = run_here("camera", "--source", *names, cwd=folder)
    assert done.returncode == 2
    assert (
        "pics/cat/2.jpg pics/cat/3.jpg and 1 more: unexpected argument; "
        "quote the glob: --source 'pics/cat/*.jpg'" in done.stderr
    )
    done = run_here("camera", *names[:2], "--once", cwd=folder)
    assert "quote the glob: --source 'pics/cat/*.jpg'" in done.stderr


def test_the_folder_of_plots_leads_to_its_model(folder, run_here):
    (folder / "m").mkdir()
    (folder / "m" / "curves.png").touch()
    done = run_here("inspect", "m", cwd=folder)
    assert done.returncode == 2
    assert "did you mean `edgecls inspect m.h5`?" in done.stderr


def test_a_file_of_labels_that_is_missing_is_said_before_the_demo_has_nothing_to_show(folder, run_here):
    done = run_here("camera", "--source", "demo", "--labels", "x.txt", "--once", cwd=folder)
    assert done.returncode == 66
    assert "error: x.txt: no such file" in done.stderr


def test_a_file_that_is_not_there_is_missing_too(folder, run_here):
    done = run_here("export", "other.tflite", cwd=folder)
    assert done.returncode == 66
    assert "other.tflite: no such file; `edgecls export` takes a Keras model" in done.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["train", "digits"], "digits: unexpected argument; did you mean --data digits?"),
        (["train", "photos"], "did you mean --data photos?"),
        (["train", "nano"], "did you mean --arch nano?"),
        (["train", "m.h5"], "did you mean `edgecls export m.h5`?"),
        (["train", "data=digits", "epochs=3"], "did you mean --data digits --epochs 3?"),
        (["train", "--data", "my", "pics"], "did you mean 'my pics'?"),
        (["train", "\N{EM DASH}data", "digits"], "did you mean --data?"),
        (["train", "-data", "digits"], "did you mean --data digits?"),
        (["sweep", "digits"], "did you mean --data digits?"),
        (["export", "m.h5", "digits"], "did you mean --data digits?"),
        (["camera", "0"], "0: unexpected argument; did you mean --source 0?"),
        (["camera", "picture.jpg"], "did you mean --source picture.jpg?"),
        (["camera", "nano"], "did you mean --model nano?"),
        (["camera", "door.toml"], "did you mean --config door.toml?"),
        (["camera", "rtsp://user:secret@host/live"], "unexpected argument; did you mean --source URL?"),
        (["camera", "source=rtsp://user:secret@host/live"], "did you mean --source URL?"),
        (["camera", "rtsp//user:secret@host/live"], "did you mean --source URL?"),
        (["service", "install", "csi"], "did you mean --source csi?"),
        (["service", "install", "door"], "did you mean --name door?"),
        (["demo", "there"], "did you mean --output there?"),
        (["models", "nano"], "did you mean `edgecls camera --model nano`?"),
        (["predict", "--serve"], "--serve (an option of `edgecls camera`)"),
        (["camera", "--int8"], "--int8 (an option of `edgecls export`)"),
        (["--data", "digits", "train"], "--data (an option of `edgecls train`)"),
        (["verify", "--model", "nano"], "Did you mean `edgecls verify nano`?"),
        (["export", "-m", "m.h5"], "Did you mean `edgecls export m.h5`?"),
        (["predict", "--data=pics"], "Did you mean `edgecls predict pics`?"),
        (["train", "--source", "pics"], "Did you mean --data pics?"),
        (["train", "--lr", "1"], "Did you mean '--learning-rate'?"),
        (["train", "--batch", "8"], "Did you mean '--batch-size'?"),
        (["camera", "--device", "0"], "Did you mean '--source'?"),
        (["camera", "--max-frame", "5"], "Did you mean '--max-frames'?"),
        (["camera", "--top-k", "5"], "Did you mean '--topk'?"),
        (["export", "-int8"], "Did you mean '--int8'?"),
        (["digits"], "Did you mean `edgecls train --data digits`?"),
        (["nano"], "Did you mean `edgecls camera --model nano`?"),
        (["picture.jpg"], "Did you mean `edgecls predict picture.jpg`?"),
        (["convert"], "Did you mean 'export'?"),
        (["Train"], "Did you mean 'train'?"),
        (["install"], "Did you mean 'service install'?"),
        (["version"], "Did you mean '--version'?"),
        (["service", "start"], "Did you mean 'install'? See `edgecls service --help`"),
        (["service", "run"], "No such command 'run'; see `edgecls service --help`"),
    ],
)
def test_a_word_an_option_and_a_command_that_do_not_exist(folder, run_here, typed, meant):
    done = run_here(*typed, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert meant in done.stderr
    assert "secret" not in done.stderr


def test_what_is_not_recognised_is_left_to_the_command(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("digits", "cnn"):
        Path(name).mkdir()
    Path("empty").mkdir()
    Path("answers.mp4").write_bytes(b"\xff\xd8\xff\xe0")
    known = {
        "": (),
        "word": (),
        "empty": (),
        "digits": (),
        "answers.mp4": (ValueKind.PICTURE,),
        "nano": (ValueKind.BUILTIN, ValueKind.NETWORK),
        ".": (ValueKind.MODEL_FOLDER, ValueKind.PICTURE_FOLDER),
        "http://host/stream": (ValueKind.ADDRESS,),
        "http://host/a.jpg": (ValueKind.DOWNLOAD, ValueKind.ADDRESS),
    }
    assert {text: kinds_of(text) for text in known} == known


def test_verify_and_doctor_take_a_folder_of_models(folder, run_here):
    (folder / "models").mkdir()
    (folder / "q.tflite").rename(folder / "models/q.tflite")
    done = run_here("verify", "models", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("models/q.tflite: pass")
    done = run_here("doctor", "models", "--source", "demo", "--json", cwd=folder)
    assert "models/q.tflite: litert" in done.stdout
