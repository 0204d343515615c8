"""The dashboard as a visitor sees it, in headless Chromium."""

import os
import shutil
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_results import make_detection, make_result, tracked
from tiny_bundles import make_tiny_bundle

from edge_runtime.bundle.loading import load_bundle
from edge_runtime.occlusion.requested_maps import OcclusionMaps
from edge_runtime.occlusion.worker_process import WorkerProcess
from edge_runtime.web.app import create_app
from edge_runtime.web.server import serve

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
DEADLINE_S = 30.0

pytestmark = pytest.mark.skipif(
    not (Path(BROWSER).exists() and Path(DRIVER).exists()),
    reason=f"{BROWSER} and {DRIVER} are missing; install chromium and chromium-driver",
)

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,1000",
)

# Downscaled pixels of the live picture, for telling whether it changed.
PIXELS = """
const picture = document.getElementById("live");
if (!picture.complete || !picture.naturalWidth) return null;
const canvas = document.createElement("canvas");
canvas.width = 48; canvas.height = 27;
const context = canvas.getContext("2d");
context.drawImage(picture, 0, 0, 48, 27);
return [Number(picture.dataset.number), picture.naturalWidth,
        Array.from(context.getImageData(0, 0, 48, 27).data)];
"""


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory):
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    profile = tmp_path_factory.mktemp("chromium")
    options = selenium.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(executable_path=DRIVER)
    driver = selenium.Chrome(options=options, service=service)
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture
def browser(one_browser, server):
    """The browser, off the page again before the server stops."""
    one_browser.get("about:blank")
    one_browser.get_log("browser")
    yield one_browser
    one_browser.get("about:blank")


@pytest.fixture
def publishing(state, health, starry_picture):
    """Publish a drifting galaxy ten times a second, as a pipeline would."""
    stop = threading.Event()
    pictures = [np.roll(starry_picture(1), 24 * step, axis=1) for step in range(8)]

    def publish():
        sequence = 0
        while not stop.wait(0.1):
            step = sequence % 8
            found = [make_detection((528 + 24 * step) % 960, 243, size=130, score=0.91)]
            frame = {"sequence": sequence, "width": 960, "height": 540}
            state.publish(make_result(found, pictures[step], **frame), health)
            sequence += 1

    thread = threading.Thread(target=publish)
    thread.start()
    yield
    stop.set()
    thread.join()


def wait_for(driver, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, DEADLINE_S, poll_frequency=0.1).until(condition)


def live_picture(driver, later_than=0):
    def shown(_):
        found = driver.execute_script(PIXELS)
        return found if found and found[0] > later_than else False

    return wait_for(driver, shown)


def errors(driver):
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def screenshot(driver, name):
    """Keep a picture of the page where ``GALAXY_EDGE_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("GALAXY_EDGE_SCREENSHOTS")
    if folder:
        driver.save_screenshot(str(Path(folder) / f"{name}.png"))


def test_the_live_view_moves(browser, server, publishing):
    browser.get(server.url)
    number, width, before = live_picture(browser)
    assert width == 960
    changes = 0
    for _ in range(4):
        number, _, now = live_picture(browser, later_than=number)
        changes += int(np.abs(np.subtract(now, before)).max() > 40)
        before = now
    assert changes >= 3
    caption = browser.find_element("id", "live-caption").text
    assert "1 galaxy: spiral 0.91" in caption
    assert browser.find_element("id", "live").get_attribute("alt").startswith("M51")
    assert errors(browser) == []


def test_a_recorded_sighting_appears_without_a_reload(browser, server, store, publishing):
    browser.get(server.url)
    browser.execute_script("window.notReloaded = true")
    assert "No galaxy confirmed yet" in browser.find_element("id", "sightings").text
    item = tracked(5, pictures=True)
    store.record(item)
    wait_for(browser, lambda d: "target 5" in d.find_element("id", "sightings").text)
    assert browser.execute_script("return window.notReloaded") is True
    card = browser.find_element("id", f"s-{item.sighting.id}")
    assert "spiral" in card.text
    assert "2024-03-01 22:00:00 UTC" in card.text
    crop = card.find_element("tag name", "img")
    wait_for(browser, lambda _: crop.get_property("naturalWidth") == 64)
    assert errors(browser) == []


def test_a_sighting_has_a_page_with_bars_as_long_as_its_votes(browser, server, sightings):
    browser.get(f"{server.url}/sightings/{sightings[0].id}")
    assert "<script>alert(1)</script>" in browser.find_element("tag name", "h1").text
    first = browser.find_element("css selector", ".question")
    bars = first.find_elements("css selector", "rect.value")
    grounds = first.find_elements("css selector", "rect.ground")
    shares = [
        bar.rect["width"] / ground.rect["width"] for bar, ground in zip(bars, grounds, strict=True)
    ]
    assert shares == pytest.approx([float(vote) for vote in sightings[0].votes[:3]], abs=0.02)
    assert errors(browser) == []


def test_the_list_is_reached_and_opened_with_the_keyboard(browser, server, sightings):
    from selenium.webdriver.common.keys import Keys

    browser.get(server.url)
    for _ in range(8):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if "card" in (browser.switch_to.active_element.get_attribute("class") or ""):
            break
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait_for(browser, lambda d: f"/sightings/{sightings[2].id}" in d.current_url)


def test_red_light_is_remembered(browser, server):
    browser.get(server.url)
    button = browser.find_element("id", "red-light")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    browser.get(server.url)
    again = browser.find_element("id", "red-light")
    assert again.get_attribute("aria-pressed") == "true"
    again.click()
    assert "red" not in (browser.find_element("tag name", "html").get_attribute("class") or "")


@pytest.mark.parametrize("page", ["live", "sighting"])
def test_pages_fit_a_telephone(browser, server, state, health, sightings, starry_picture, page):
    result = make_result([make_detection(528, 243)], starry_picture(), width=960, height=540)
    state.publish(result, health)
    path = "/" if page == "live" else f"/sightings/{sightings[0].id}"
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        browser.get(server.url + path)
        widths = browser.execute_script(
            "return [document.documentElement.scrollWidth, window.innerWidth]"
        )
        screenshot(browser, f"{page}-telephone")
        assert widths[0] <= 360
        assert widths[1] == 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_pages_look_right_on_a_screen(browser, server, store, sightings, publishing):
    """Every picture of both pages loads; pictures of the pages are kept on request."""
    for name, path in (("live", "/"), ("sighting", f"/sightings/{sightings[0].id}")):
        browser.get(server.url + path)
        if name == "live":
            live_picture(browser, later_than=2)
        broken = browser.execute_script(
            "return Promise.all(Array.from(document.images).map((i) => { i.loading = 'eager';"
            " return i.decode().then(() => '', () => i.src.startsWith('blob:') ? '' : i.src); }))"
            ".then((all) => all.filter(Boolean))"
        )
        screenshot(browser, name)
        assert broken == []
        assert errors(browser) == []


def test_a_map_is_made_while_the_visitor_watches(browser, state, store, tmp_path):
    bundle = load_bundle(make_tiny_bundle(tmp_path / "tiny"))
    eager = "from edge_runtime.occlusion.worker import work; import sys; "
    eager += "work(sys.stdin.buffer, sys.stdout.buffer)"
    maps = OcclusionMaps(bundle, WorkerProcess(600.0, (sys.executable, "-P", "-c", eager)))
    handle = serve(create_app(state, maps=maps), "127.0.0.1", 0)
    item = tracked(4, pictures=True, kind=0)
    store.record(item)
    try:
        browser.get(f"{handle.url}/sightings/{item.sighting.id}")
        button = browser.find_element("id", "make-map")
        assert button.is_displayed()
        button.click()
        wait_for(browser, lambda d: d.find_elements("css selector", ".occlusion figure img"))
        picture = browser.find_element("css selector", ".occlusion figure img")
        wait_for(browser, lambda _: picture.get_property("naturalWidth") == 256)
        assert "smooth round" in picture.get_attribute("alt") or "No single" in (
            picture.get_attribute("alt")
        )
        assert "speaks for it" in browser.find_element("css selector", ".legend").text
        assert "classified by test 1.0.0" in browser.find_element("id", "occlusion").text
        assert not browser.find_elements("id", "make-map")
        screenshot(browser, "occlusion")
        browser.refresh()
        assert browser.find_elements("css selector", ".occlusion figure img")
        # a better frame comes: the map stays, and may be made anew
        rng = np.random.default_rng(9)
        better = replace(item, crop=rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
        store.record(better)
        browser.refresh()
        assert "has a better frame now" in browser.find_element("id", "occlusion").text
        browser.find_element("id", "make-map").click()
        wait_for(browser, lambda d: "better frame" not in d.find_element("id", "occlusion").text)
        wait_for(browser, lambda d: d.find_elements("css selector", ".occlusion figure img"))
        assert errors(browser) == []
    finally:
        browser.get("about:blank")
        handle.stop()
        maps.close()
