"""Draws the pictures of the documentation: `python -m tools.pictures COMMAND ...`.

demo OUT.webp              edgecls camera on the demo camera, as a short animation
page URL OUT.png           the page of `edgecls camera --serve`, in Chromium
table TEXT OUT.png         a terminal's text
frames VIDEO OUT.png N...  frames of a video side by side
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import typer
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from selenium import webdriver

_GAP_PX = 12
_CHROMEDRIVER = "/usr/bin/chromedriver"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def demo(
    out: Path,
    model: str = typer.Option("imagenet", help="A built-in model or a file."),
    seconds: float = typer.Option(16.0, help="Length of the animation."),
    fps: int = typer.Option(6, help="Frames per second of the animation."),
    width: int = typer.Option(480, help="Width in pixels."),
    quality: int = typer.Option(60, help="Of WebP, 0 to 100."),
) -> None:
    """Record the demo camera with what `edgecls camera` draws in, and write an animated WebP."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "demo.mp4"
        camera = ["camera", "--source", "demo", "--model", model, "--headless", "--record", str(video)]
        count = str(round(30 * seconds))
        subprocess.run([sys.executable, "-m", "edgecls", *camera, "--max-frames", count], check=True)
        pictures = _sampled(video, round(seconds * fps), width)
    pictures[0].save(
        out,
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / fps),
        loop=0,
        quality=quality,
        method=4,
    )
    print(f"{out}: {len(pictures)} frames, {out.stat().st_size / 1e3:,.0f} kB")


def _sampled(video: Path, count: int, width_px: int) -> list[Image.Image]:
    """So many frames of a video, evenly spaced."""
    capture = cv2.VideoCapture(str(video))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    pictures = []
    for number in np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int):
        height_px = round(frames[number].shape[0] * width_px / frames[number].shape[1])
        small = cv2.resize(frames[number], (width_px, height_px), interpolation=cv2.INTER_AREA)
        pictures.append(Image.fromarray(np.ascontiguousarray(small[..., ::-1])))
    return pictures


@app.command()
def page(
    url: str,
    out: Path,
    size: str = typer.Option("1200x800", help="Window size in pixels."),
    scheme: str = typer.Option("dark", help="dark or light."),
    wait: float = typer.Option(3.0, help="Seconds before the screenshot."),
) -> None:
    """Take a screenshot of a page that `edgecls camera --source demo --serve` shows."""
    width_px, height_px = map(int, size.split("x"))
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService(_CHROMEDRIVER))
    try:
        metrics = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": width_px < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        browser.get(url)
        time.sleep(wait)
        browser.save_screenshot(str(out))
    finally:
        browser.quit()


@app.command()
def table(text: Path, out: Path) -> None:
    """Draw a terminal's text."""
    lines = text.read_text(encoding="utf-8").rstrip().splitlines()
    figure = Figure((max(map(len, lines)) * 0.0855 + 0.4, len(lines) * 0.174 + 0.4), facecolor="#10141a")
    figure.text(
        0.2 / figure.get_figwidth(),
        1 - 0.2 / figure.get_figheight(),
        "\n".join(lines),
        family="DejaVu Sans Mono",
        size=10,
        color="#dfe6ee",
        va="top",
        linespacing=1.25,
    )
    FigureCanvasAgg(figure).print_png(str(out))


@app.command()
def frames(video: Path, out: Path, numbers: list[int]) -> None:
    """Draw frames of a video side by side."""
    capture = cv2.VideoCapture(str(video))
    pictures: list[np.ndarray] = []
    for number in numbers:
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        _, picture = capture.read()
        pictures += [picture, np.full((picture.shape[0], _GAP_PX, 3), 255, np.uint8)]
    cv2.imwrite(str(out), np.hstack(pictures[:-1]))


if __name__ == "__main__":
    app()
