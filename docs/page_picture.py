"""Draws the README's picture of the page: `page_picture.py URL OUT.png [1200x800] [dark|light] [SECONDS]`.

Run `edgecls camera --source demo --serve` beside it, long enough for its charts; needs Chromium and selenium.
"""

import sys
import time

from selenium import webdriver


def picture(url: str, out: str, size: str = "1200x800", scheme: str = "dark", seconds: str = "3") -> None:
    """Opens the page as a person would see it, and takes a screenshot after some seconds."""
    width_px, height_px = map(int, size.split("x"))
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        metrics = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": width_px < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        browser.get(url)
        time.sleep(float(seconds))
        browser.save_screenshot(out)
    finally:
        browser.quit()


if __name__ == "__main__":
    picture(*sys.argv[1:])
