"""The examples of the documentation do what they say, as they stand there."""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
PROGRAM = DOCS / "examples" / "camera_program.py"


def test_the_guide_shows_the_camera_program_as_it_is():
    assert f"```python\n{PROGRAM.read_text()}```" in (DOCS / "guides" / "library.md").read_text()


def test_the_guide_shows_the_receiver_of_webhooks_as_it_is():
    receiver = (DOCS / "examples" / "webhook_receiver.py").read_text()
    assert f"```python\n{receiver}```" in (DOCS / "guides" / "actions.md").read_text()


def test_the_camera_program_has_about_ten_lines():
    assert len([line for line in PROGRAM.read_text().splitlines() if line.strip()]) <= 12


def test_the_camera_program_tells_what_it_sees(tiny, tmp_path):
    from edgecls.edge_runtime import Classifier
    from edgecls.edge_runtime.camera.outputs.video_writer import render_clip

    model = tiny.folder / "image_classification_int8.tflite"
    images = tiny.dataset.test.images[:6]
    render_clip(tmp_path / "clip.mp4", images, frames_each=2)
    done = subprocess.run(
        [sys.executable, PROGRAM, "clip.mp4", model], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    with Classifier(model) as classifier:
        expected = [classifier.classify(image[..., ::-1]).text for image in images]
    told = [line.split(": ")[1].split(" (")[0] for line in done.stdout.splitlines()]
    changes = [text for text, before in zip(expected, ["", *expected], strict=False) if text != before]
    assert told == changes
