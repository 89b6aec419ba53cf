"""The page in a real browser: it is drawn, it fits a telephone, and nothing in it runs. Needs Chromium."""

import html
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from report_hostile import hostile
from report_samples import ordinary

from grading.report.page import page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
Browse = Callable[..., str]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH to draw the page with")


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Opens a page with the flags given and returns what the browser writes."""

    def opened(content: str, *flags: str) -> str:
        file = tmp_path / "page.html"
        file.write_text(content, "utf-8")
        command = (str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, file.as_uri())
        return subprocess.run(command, capture_output=True, check=True, timeout=120, encoding="utf-8").stdout

    return opened


def drawn(browse: Browse, path: Path, *flags: str) -> Image.Image:
    browse(page(ordinary()), "--window-size=1000,1600", f"--screenshot={path}", *flags)
    with Image.open(path) as image:
        return image.convert("RGB")


def brightness(image: Image.Image) -> int:
    return image.convert("L").resize((1, 1)).tobytes()[0]


def test_the_page_is_drawn_in_light_and_in_dark(browse: Browse, tmp_path: Path) -> None:
    light = drawn(browse, tmp_path / "light.png")
    dark = drawn(browse, tmp_path / "dark.png", "--blink-settings=preferredColorScheme=0")
    assert light.size == dark.size == (1000, 1600)
    assert len(light.getcolors(1_000_000) or ()) > 100 and len(dark.getcolors(1_000_000) or ()) > 100
    assert brightness(light) > 200 and brightness(dark) < 60


def test_hostile_text_runs_nothing_even_without_the_policy(browse: Browse) -> None:
    unguarded = page(hostile()).replace("Content-Security-Policy", "x-nothing")
    dom = browse(unguarded, "--dump-dom")
    assert "what the code printed" in dom
    assert "<title>owned" not in dom and "<script" not in dom


def test_the_policy_stops_a_script_that_got_in(browse: Browse) -> None:
    script = "<script>document.title='owned'</script></body>"
    assert "<title>owned" not in browse(page(ordinary()).replace("</body>", script), "--dump-dom")
    unguarded = page(ordinary()).replace("Content-Security-Policy", "x-nothing")
    assert "<title>owned" in browse(unguarded.replace("</body>", script), "--dump-dom")


@pytest.mark.parametrize("report", [ordinary(), hostile()], ids=["ordinary", "hostile"])
def test_the_page_fits_360_pixels(browse: Browse, report: object) -> None:
    frame = (
        "<!doctype html><body><script>function tell(f){document.body.dataset.width="
        "f.contentDocument.documentElement.scrollWidth}</script>"
        '<iframe style="width:360px;height:800px;border:0" onload="tell(this)" srcdoc="{}"></iframe>'
    )
    dom = browse(frame.replace("{}", html.escape(page(report))), "--dump-dom")  # type: ignore[arg-type]
    assert 'data-width="360"' in dom
