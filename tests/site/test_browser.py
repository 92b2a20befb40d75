"""The site in a browser: formulas typeset, no errors, nothing wider than a small screen, nothing folded on paper."""

import html
import json
import re
import shutil
import subprocess

import pytest

from bpm_numpy.site.notebooks import find_notebooks
from bpm_numpy.site.pages import write_site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FOUND = filter(None, map(shutil.which, NAMES))
CHROMIUM = next((path for path in FOUND if not path.startswith("/snap/")), None)  # a snap sees no temporary folders
PAGES = ("index.html", "00_start_here.html", "13_sequences_and_policies.html")
QUERIES = ("α", "alpha", "\\alpha", "W̃", "∂L/∂A", "policies", "play", "h", "a b", "zzzz", " ")

# A page that shows the three on a screen 360 pixels wide, searches in each, and writes down what it finds.
HARNESS = """<!doctype html><meta charset="utf-8"><body>
<script>
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
function search(page, text) {
  const field = page.querySelector("#search input");
  field.value = text;
  field.dispatchEvent(new Event("input"));
  const address = item => item.querySelector("a")?.getAttribute("href") ?? item.textContent;
  return [...page.querySelectorAll("#found li")].map(address);
}
async function look(name) {
  const frame = document.createElement("iframe");
  frame.width = 360;
  frame.height = 800;
  frame.src = name;
  const loaded = new Promise(done => frame.addEventListener("load", done));
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  search(page, "eligibility"); // loads the index
  const closed = () => page.querySelectorAll("details:not([open])").length;
  const folded = [closed()];
  for (const kind of ["beforeprint", "afterprint"]) {
    frame.contentWindow.dispatchEvent(new Event(kind));
    folded.push(closed());
  }
  page.querySelectorAll("details").forEach(details => { details.open = true; });
  await page.fonts.ready;
  await wait(1000);
  for (let k = 0; k < 40 && page.documentElement.scrollWidth > 360; k++) await wait(250); // late if busy
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  const raw = [];
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (/\\$[^$]+\\$/.test(text.data) && !text.parentElement.closest("pre, code, script")) raw.push(text.data);
  }
  return {
    formulas: page.querySelectorAll("mjx-container").length,
    errors: page.querySelectorAll("mjx-merror").length,
    raw,
    width: page.documentElement.scrollWidth,
    pictures: page.images.length,
    missing: [...page.images].filter(image => !image.naturalWidth).length,
    copy: page.querySelectorAll(".highlight .copy").length,
    code: page.querySelectorAll(".highlight").length,
    folded,
    marked: [...page.querySelectorAll("#found mark")].map(mark => mark.textContent),
    found: Object.fromEntries(QUERIES.map(text => [text, search(page, text)])),
  };
}
(async () => {
  const seen = {};
  for (const name of NAMES) seen[name] = await look(name);
  document.body.textContent = "SEEN" + JSON.stringify(seen) + "END";
})();
</script>"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """dict: page -> what the harness found; the browser wrote no message of its own."""
    folder = tmp_path_factory.mktemp("browser")
    write_site([path for path in find_notebooks() if path.name.startswith(("00", "13"))], folder / "site")
    harness = HARNESS.replace("NAMES", json.dumps(PAGES)).replace("QUERIES", json.dumps(QUERIES))
    (folder / "site/harness.html").write_text(harness, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    options += ["--allow-file-access-from-files", "--virtual-time-budget=60000", f"--user-data-dir={folder}/browser"]
    command = [CHROMIUM, *options, "--dump-dom", (folder / "site/harness.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    return json.loads(html.unescape(re.search("SEEN(.*)END", done.stdout, re.S)[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here, or only as a snap")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_typeset_and_fits_a_small_screen(seen, name):
    page = seen[name]
    assert page["errors"] == 0 and page["raw"] == [] and page["width"] <= 360 and page["missing"] == 0
    assert page["copy"] == page["code"] and set(map(str.lower, page["marked"])) == {"eligibility"}
    if name != "index.html":
        start, printed, after = page["folded"]
        assert start == after > 10 and printed == 0
        assert page["formulas"] > 20 and page["pictures"] > 2 and page["code"] > 10


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here, or only as a snap")
def test_the_search_knows_letters_by_their_names_and_says_why_it_is_empty(seen):
    found = seen["index.html"]["found"]
    assert len(found["α"]) > 3 and found["α"] == found["alpha"] == found["\\alpha"]
    assert "notebooks-NOTATION.md.html" in {address.partition("#")[0] for address in found["W̃"]}
    assert "00_start_here.html#Backward" in found["∂L/∂A"]
    assert found["policies"][0] == "13_sequences_and_policies.html" and found["play"][0] == "play.html"
    assert found["h"] == found["a b"] == ["Type two letters"] and found["zzzz"] == ["Nothing found"]
    assert found[" "] == []


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here, or only as a snap")
def test_what_names_much_and_explains_little_is_found_last(seen):
    places = [address.partition("#")[2] for address in seen["index.html"]["found"]["policies"]]
    less = [at for at, place in enumerate(places) if place.startswith(("Further-reading", "Exercises"))]
    assert less and less[0] > len(places) // 2
