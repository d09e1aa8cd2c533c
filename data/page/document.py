"""A page: one HTML document that loads nothing else, for wide and narrow screens, light and dark."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ...edge_runtime.images.opencv import cv2
from .charts import NARROW_PX, WIDE_PX, Chart, to_svg

_STYLE = Path(__file__).parent / "page.css"


def document(
    title: str, command: str, about: str, sections: Iterable[str], *, footer: str, script: str = ""
) -> str:
    """Returns the whole document.

    Args:
        title: heads it, as text.
        command: what made it, such as `edgecls bench`.
        about: a line below the title, as text; the version stands before it.
        sections: of the body, as markup; see `section`.
        footer: as markup.
        script: JavaScript, the only one that runs.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · {escape(command)}</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>"
        f"<p>{escape(command)} {escape(version('edgecls'))}, {escape(about)}</p></header>"
        f"<main>{''.join(sections)}</main><footer><p>{footer}</p></footer>"
        f"{f'<script>{script}</script>' if script else ''}</body></html>\n"
    )


def _policy(script: str) -> str:
    """Nothing may be fetched, and no other script than ours runs, whatever a label holds."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    scripts = f"; script-src 'sha256-{digest}'" if script else ""
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'{scripts}"


def section(name: str, title: str, about: str, content: str) -> str:
    """Returns a section of the page; all but the name is markup."""
    about = f'<p class="about">{about}</p>' if about else ""
    return f'<section id="{name}"><h2>{title}</h2>{about}{content}</section>'


def doubts(lines: Sequence[str]) -> str:
    """Returns the section of warnings, given as text; empty where there are none."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<section class="doubts"><h2>Warnings</h2><ul>{items}</ul></section>'


def plot(chart: Chart) -> str:
    """Returns a chart for wide and for narrow screens; the page shows one of them."""
    return to_svg(chart, WIDE_PX, "wide") + to_svg(chart, NARROW_PX, "narrow")


# Pictures, embedded in the page.

_LARGEST_PX = 96
_JPEG_QUALITY = 90


def image_figure(image: np.ndarray, caption: str, about: str) -> str:
    """A picture, uint8 (H, W, 3) RGB, enlarged without smoothing. `caption` is markup, `about` is text."""
    return (
        f'<figure class="picture"><img src="{data_uri(image)}" alt="{escape(about)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def data_uri(image: np.ndarray) -> str:
    """An image, uint8 (H, W, 3) RGB: small ones pixel by pixel, larger ones reduced."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    longest = max(image.shape[:2])
    if longest <= _LARGEST_PX:
        return _uri("png", cv2.imencode(".png", bgr)[1].tobytes())
    height, width = (max(1, round(side * _LARGEST_PX / longest)) for side in image.shape[:2])
    small = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    return _uri("jpeg", cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
