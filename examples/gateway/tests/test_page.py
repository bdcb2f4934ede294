"""The live page, in a headless Chromium. Leaves pictures of it in GATEWAY_PICTURES, if set."""

import asyncio
import os
import re
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from test_sdk import at_once, streamed

# Milliseconds until what is expected counts as missing: a guard, as a busy machine starts Chromium slowly.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "chromium is not installed"
    with sync_playwright() as playwright:
        with playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser:
            yield browser


@pytest.fixture
def page(browser):
    """A page that keeps what it complains of in `complaints`."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda request: page.complaints.append(request.url))
    yield page
    page.close()


@pytest.fixture
def busy(start):
    """A gateway at work, before an API that asks for pauses."""
    upstream = start("mock-upstream", "--latency", "200ms", "--retry-after", "2")
    gateway = start("gateway", "--upstream", f"mock={upstream.url}", "--log", "error")
    load = threading.Thread(target=lambda: asyncio.run(at_once(gateway, streamed, 250)), daemon=True)
    load.start()
    yield gateway
    gateway.stop()
    load.join()


def field(page, name):
    return page.locator(f"section [data-field={name}]")


def count(page, name):
    return int(field(page, name).inner_text().replace(",", ""))


def wait_for_the_chart(page):
    # Not until it is visible: a line without height does not count as that.
    expect(page.locator("svg path.limit")).to_have_attribute("d", re.compile("^M"))


def eventually(page, holds):
    # A gateway that is paused for two seconds shows nothing new meanwhile.
    for _ in range(120):
        if holds():
            return
        page.wait_for_timeout(250)
    assert holds()


def picture(page, name):
    if directory := os.environ.get("GATEWAY_PICTURES"):
        page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


def test_the_numbers_move_and_the_chart_draws(page, busy):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(busy.url)
    expect(page.locator("#link")).to_have_text("live")
    expect(field(page, "name")).to_have_text("mock")
    expect(field(page, "queued")).not_to_have_text("0")
    before = {name: count(page, name) for name in ("accepted", "queued")}
    wait_for_the_chart(page)
    line = page.locator("svg path.limit")
    drawn = line.get_attribute("d")
    eventually(page, lambda: count(page, "accepted") > before["accepted"])
    eventually(page, lambda: count(page, "queued") < before["queued"])
    eventually(page, lambda: len(line.get_attribute("d")) > len(drawn) > 0)
    expect(page.locator("svg rect.good").nth(2)).to_be_attached()
    # Each refusal asks for a pause of two seconds; sooner or later there is one.
    expect(page.locator("svg rect.paused").first).to_be_attached()
    assert count(page, "refused") > 0
    picture(page, "light")

    chart = page.locator("svg").bounding_box()
    page.mouse.move(chart["x"] + chart["width"] - 12, chart["y"] + 80)
    expect(field(page, "readout")).to_contain_text("s ago")
    expect(page.locator("svg line.cursor")).to_have_count(1)

    assert all(url.startswith(busy.url + "/") for url in asked), asked
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1100])
def test_it_fits_every_width_and_is_legible(page, busy, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(busy.url)
    wait_for_the_chart(page)
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRASTS)
    assert min(contrasts.values()) >= 4.5, contrasts
    assert page.complaints == []
    picture(page, f"{scheme}-{width}")


def test_a_gateway_without_work_says_so_and_one_that_is_gone_is_missed(page, gateway):
    page.goto(gateway.url)
    expect(field(page, "says")).to_have_text("Idle.")
    expect(field(page, "pause")).to_have_text("none")
    wait_for_the_chart(page)
    picture(page, "idle")
    assert page.complaints == []
    gateway.stop()
    expect(page.locator("#link")).to_have_text("the gateway does not answer")


def test_every_upstream_has_a_section(page, start, upstream):
    options = ["--upstream", f"one={upstream.url}", "--upstream", f"two={upstream.url}"]
    gateway = start("gateway", *options, "--log", "error")
    page.goto(gateway.url)
    expect(page.locator("h2")).to_have_text(["one", "two"])
    expect(page.locator("svg path.limit")).to_have_count(2)
    assert page.complaints == []


# How well each text can be told from what is behind it: WCAG's contrast ratio, whose AA asks for 4.5.
CONTRASTS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (colour) => rgb(colour)
    .map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const card = style("section").backgroundColor;
  const found = {};
  for (const selector of ["h2", "code", ".says", "dt", "dd", "dd.note", "figcaption"]) {
    found[selector] = ratio(style(selector).color, card);
  }
  for (const kind of ["flight", "limit", "queue", "good", "bad"]) {
    found[kind] = ratio(style(`svg tspan.${kind}`).fill, card);
  }
  found.footer = ratio(style("footer").color, style("body").backgroundColor);
  return found;
}"""
