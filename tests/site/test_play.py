"""The page to play with: its network is the package's, number by number; what it tells is so; its controls work.

The script runs in Node and in Chromium where they are there. What the texts of the page say is tested in Python.
"""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from bpm_numpy import PlasticNetwork, __version__
from bpm_numpy.learning.losses import cross_entropy
from bpm_numpy.learning.storage import load_parameters
from bpm_numpy.site import write_site
from bpm_numpy.site.notebooks import find_notebooks
from bpm_numpy.site.play import CUES, EMPTY, HERE, LABELS, MEMORY, inputs, page
from bpm_numpy.state import State

SCRIPT = HERE / "play.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NODE, CHROMIUM = shutil.which("node"), next(filter(None, map(shutil.which, BROWSERS)), None)
RECIPES = re.findall(r'data-recipe="([^"]*)"', (HERE / "play.html").read_text(encoding="utf-8"))


def in_node(folder, code):
    """The value of a JavaScript expression that uses the functions of play.js."""
    if NODE is None:
        pytest.skip("Node is not installed")
    names = "forward, backward, crossEntropy"
    file = folder / "run.js"
    file.write_text(f"const {{ {names} }} = require({json.dumps(str(SCRIPT))});\nconsole.log(JSON.stringify({code}));")
    done = subprocess.run([NODE, file], capture_output=True, text=True, encoding="utf-8", timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_chromium(folder, code):
    """Likewise."""
    script = SCRIPT.read_text(encoding="utf-8")
    return opened(folder, f"<!doctype html><meta charset=utf-8><body><script>{script}</script>", code)


def opened(folder, text, code):
    """The value of a JavaScript expression in Chromium, on a page of that text; errors of the page fail the test."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    first = "<body><script>errors = []; onerror = text => { errors.push(text); };</script>"
    answer = f"answer.textContent = JSON.stringify({{errors, value: {code}}});"
    last = f"<pre id=answer></pre><script>onload = () => {{ {answer} }};</script>"
    file = folder / "opened.html"
    file.write_text(text.replace("<body>", first, 1) + last, encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run([CHROMIUM, *options, file.as_uri()], capture_output=True, timeout=600)
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout.decode(), re.S)
    assert found and found[1], done.stderr.decode()
    answer = json.loads(html.unescape(found[1]))
    assert answer["errors"] == []
    return answer["value"]


def by_package(params, steps, d_logits):
    """What ``PlasticNetwork`` makes of the same steps, one at a time, each with its own switches: a dict of arrays.

    d_logits (T, A). dz (T, N) is the gradient to b at one step, (1 - h²) dh; dm (T,) that to b_m, (1 - M²) dM.
    """
    D, N = params["W_x"].shape
    A = params["b_y"].size
    state, runs = PlasticNetwork(D, N, A).initial_state(1), []
    for step in steps:
        net = PlasticNetwork(D, N, A, clip=step["clip"])
        p = params if step["modulated"] else params | {name: 0 * params[name] for name in ("W_m", "b_m")}
        traj = net.forward(p, np.array(step["x"])[None, None], state)
        before, state = state, traj.state
        if step["frozen"]:
            state = state._replace(hebb=before.hebb)
        runs.append((net, p, traj, state, before))
    zero = np.zeros((1, N, N))
    adjoint, found = State(np.zeros((1, N)), hebb=zero), []
    for step, (net, p, traj, after, before), d in reversed(list(zip(steps, runs, d_logits))):
        arrives = adjoint.hebb
        given = adjoint._replace(hebb=zero) if step["frozen"] else adjoint
        grads = net.backward(p, traj, d[None, None], d_state=given)
        adjoint = grads.state
        if step["frozen"]:
            adjoint = adjoint._replace(hebb=adjoint.hebb + arrives)
        M, E = traj.modulator[0, 0], traj.eligibility[0, 0]
        u = before.hebb[0] + M * E
        found.append(
            {
                "h": after.h[0],
                "M": M,
                "W": p["W_h"] + p["alpha"] * before.hebb[0],
                "hebb": after.hebb[0],
                "write": M * E,
                "logits": traj.logits[0, 0],
                "inside": (np.abs(u) <= net.clip) | step["frozen"],
                "from the bound": np.inf if M == 0 else np.abs(np.abs(u) - net.clip).min(),
                "arrives": arrives[0],
                "dhebb": adjoint.hebb[0],
                "dz": grads.params["b"],
                "dm": grads.params["b_m"],
            }
        )
    return {name: np.array([of[name] for of in reversed(found)]) for name in found[0]}


def random_steps(rng, T, **switches):
    """T steps of 3 inputs, with these switches, each of them a number, or a function of t."""
    of = {"modulated": True, "frozen": False, "clip": 0.4} | switches
    each = [{name: value(t) if callable(value) else value for name, value in of.items()} for t in range(T)]
    return [{"x": rng.standard_normal(3).tolist()} | step for step in each]


SWITCHES = {
    "as trained": {},
    "never cut": {"clip": 9.0},
    "M off": {"modulated": False},
    "M off for some steps": {"modulated": lambda t: not 4 <= t < 7},
    "frozen for some steps": {"frozen": lambda t: 3 <= t < 6},
    "frozen from the start": {"frozen": True},
    "frozen with a smaller clip": {"frozen": lambda t: t >= 5, "clip": lambda t: 0.4 if t < 5 else 0.1},
    "another clip at each step": {"clip": lambda t: (0.3, 0.9, 0.5, 0.2)[t % 4]},
    "all at once": {"modulated": lambda t: t % 3 > 0, "frozen": lambda t: t % 5 == 4, "clip": lambda t: 0.2 + 0.1 * t},
}


@pytest.mark.parametrize("run", [in_node, in_chromium])
def test_it_is_the_network_of_the_package(run, tmp_path):
    """Forward and both adjoints, to 1e-12 of the largest entry."""
    problems, expected = [], []
    for seed, switches in enumerate(SWITCHES.values()):
        rng = np.random.default_rng(seed)
        shapes = {name: value.shape for name, value in PlasticNetwork(3, 6, 4).init(rng).items()}
        params = {name: np.asarray(0.7 * rng.standard_normal(shape)) for name, shape in shapes.items()}
        steps, d_logits = random_steps(rng, 12, **switches), rng.standard_normal((12, 4))
        plain = {name: value.tolist() for name, value in params.items()}
        problems.append({"p": plain, "steps": steps, "d": d_logits.tolist()})
        expected.append(by_package(params, steps, d_logits))
    code = """PROBLEMS.map(({ p, steps, d }) => {
        const done = forward(p, steps), back = backward(p, done, d);
        return done.map((step, t) => ({ ...step, ...back[t] }));
    })"""
    for name, of, come in zip(SWITCHES, expected, run(tmp_path, code.replace("PROBLEMS", json.dumps(problems)))):
        found = {key: np.array([step[key] for step in come]) for key in come[0] if key != "x"}
        found["dz"] = (1 - found["h"] ** 2) * found["dh"]
        found["dm"] = (1 - found["M"] ** 2) * found["dM"]
        assert of.pop("from the bound").min() > 1e-9  # so that both fall on the same side of it
        if name not in ("never cut", "M off", "frozen from the start"):
            assert 0.02 < 1 - of["inside"].mean() < 0.9, name
        assert np.abs(of["hebb"]).max() > 0 or name in ("M off", "frozen from the start")
        for key, value in of.items():
            assert found[key].shape == value.shape
            np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-12 * np.abs(value).max(), err_msg=(name, key))


def test_step_by_step_the_package_does_what_it_does_at_once():
    """So that what stands in for it above is the package's own pass through time."""
    rng = np.random.default_rng(0)
    net = PlasticNetwork(3, 6, 4, clip=0.4)
    params = {name: np.asarray(0.7 * rng.standard_normal(value.shape)) for name, value in net.init(rng).items()}
    steps, d_logits = random_steps(rng, 12), rng.standard_normal((12, 4))
    traj = net.forward(params, np.array([step["x"] for step in steps])[:, None])
    found, grads = by_package(params, steps, d_logits), net.backward(params, traj, d_logits[:, None])
    np.testing.assert_allclose(found["logits"], traj.logits[:, 0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(found["hebb"], traj.hebb[1:, 0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(found["dhebb"][0], grads.state.hebb[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["dz"].sum(axis=0), grads.params["b"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("run", [in_node, in_chromium])
def test_its_loss_is_the_cross_entropy(run, tmp_path):
    logits = np.random.default_rng(0).standard_normal(5) * 3 + 700  # exp(700) is near the largest number
    of = run(tmp_path, f"crossEntropy({logits.tolist()}, 3)")
    loss, d_logits = cross_entropy(logits[None, None], np.array([[3]]))
    np.testing.assert_allclose(of["loss"], loss, rtol=1e-12)
    np.testing.assert_allclose(of["d"], d_logits[0, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(sum(of["P"]), 1, rtol=1e-12)


def test_the_script_is_short_and_the_page_is_whole():
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 300
    icon = r'<link rel="icon" href="data:image/svg\+xml,%3Csvg[^"]*%3C/svg%3E%0A">'
    text, icons = re.subn(icon, "", page())
    assert icons == 1 and f"<footer><p>bpm_numpy {__version__}, MIT licence</p></footer>" in text
    assert not re.search(r"\bsrc=|<link|@import|url\(|https?:|\[(play.js|memory|favicon|version)\]", text)
    assert re.findall(r'href="([^"]*)"', text) == ["index.html"]
    memory = json.loads(re.search(r'<script type="application/json" id="memory">(.*?)</script>', text, re.S)[1])
    net, params = load_parameters(MEMORY)
    assert memory["clip"] == net.clip and memory["params"].keys() == params.keys()
    for name, value in params.items():
        assert np.array_equal(memory["params"][name], value)
    assert memory["inputs"] == {name: x.tolist() for name, x in inputs().items()}


def test_it_is_in_the_site(tmp_path):
    write_site(find_notebooks()[:1], tmp_path / "site")
    assert (tmp_path / "site/play.html").read_text(encoding="utf-8") == page()
    assert 'href="play.html"' in (tmp_path / "site/index.html").read_text(encoding="utf-8")


def test_cues_are_as_unlike_as_can_be():
    cues = np.array([inputs()[name][:8] for name in CUES])
    assert np.array_equal(cues @ cues.T, 8 * np.eye(len(CUES)))


# What the page tells of its network


def played(recipe):
    """A recipe of the page by the package: what ``by_package`` finds, the names of its steps, P (T, A) and the loss.

    The right label is that of the recipe, or the one that was shown last with the last cue.
    """
    net, params = load_parameters(MEMORY)
    switches, steps, names, target = {"modulated": True, "frozen": False, "clip": net.clip}, [], [], None
    for word in recipe.split():
        name, _, value = word.partition("=")
        if name == "clip":
            switches["clip"] = float(value)
        elif name == "M-off":
            switches["modulated"] = False
        elif name == "freeze":
            switches["frozen"] = True
        elif name == "right":
            target = int(value)
        elif name != "look":
            names.append(name)
            steps.append({"x": inputs()[name].tolist()} | switches)
    asked = [name for name in names if name in CUES][-1]
    pairs = {cue: label for cue, label in zip(names, names[1:]) if cue in CUES and label in LABELS}
    target = target or int(pairs[asked])  # of one cue the last pair stays
    logits = by_package(params, steps, np.zeros((len(steps), len(LABELS))))["logits"]
    loss, d_last = cross_entropy(logits[-1:, None], np.array([[target - 1]]))
    of = by_package(params, steps, np.concatenate([np.zeros_like(logits[1:]), d_last[0]]))
    P = np.exp(logits - logits.max(axis=1, keepdims=True))
    return of | {"names": np.array(names), "P": P / P.sum(axis=1, keepdims=True), "loss": loss}


def answers(of):
    """The labels that are answered at the empty steps, as a text."""
    return "".join(LABELS[a] for a in of["P"][of["names"] == EMPTY].argmax(axis=1))


def gate(of):
    """|M(t)| at labels and at all other steps."""
    at_labels = np.isin(of["names"], list(LABELS))
    return np.abs(of["M"][at_labels]), np.abs(of["M"][~at_labels])


def test_what_the_recipes_say_is_so():
    one, off, three, frozen, rebound, clipped, wrong, closed, cut = map(played, RECIPES)
    for of in (one, three):
        open_at, shut_at = gate(of)
        assert open_at.min() > 0.6 and shut_at.max() < 0.35
    assert np.linalg.matrix_rank(one["hebb"][1]) == 1 and np.abs(one["hebb"][1]).max() < 1
    assert answers(one) == "2" and one["P"][-1, 1] > 0.9
    assert not off["hebb"].any() and off["P"][-1].max() < 0.5
    assert answers(three) == "241" and three["M"].min() < -0.5
    assert answers(frozen) == "24" and np.array_equal(frozen["hebb"][3], frozen["hebb"][-1])
    first, second = rebound["P"][rebound["names"] == EMPTY].max(axis=1)
    assert answers(rebound) == "23" and second < 0.8 * first
    written, left = (np.abs(of["hebb"][5]).sum() for of in (three, clipped))
    assert answers(clipped) != "241" and left < 0.35 * written
    assert wrong["loss"] > 2 and not wrong["arrives"][3].any() and np.abs(wrong["arrives"][2]).max() > 0.01
    assert abs(wrong["dm"][1]) > 0.01 and np.abs(wrong["dz"][1]).max() > 0.01
    assert closed["M"][1] == 0 and abs(closed["dm"][1]) > 0.01
    ended = cut["arrives"][1][~cut["inside"][1]]
    assert len(ended) > 20 and np.abs(ended).max() > 0.01


def test_every_pair_is_remembered_after_one_look():
    for cue in CUES:
        for label in LABELS:
            assert answers(played(f"{cue} {label} {cue} {EMPTY}")) == label
            assert played(f"M-off {cue} {label} {cue} {EMPTY}")["P"][-1].max() < 0.7


# Its controls

PRESS = """(() => {
  const find = id => document.getElementById(id), film = find("film");
  const text = row => [...film.rows[row].cells].slice(1).map(cell => cell.innerText.trim());
  const colours = (holder, cell, at) => { // of each square's pixel (at, at), a number
    const { width, height } = holder.querySelector("canvas"), found = [];
    const { data } = holder.querySelector("canvas").getContext("2d").getImageData(0, 0, width, height);
    const pixels = new Uint32Array(data.buffer);
    for (let y = at; y < height; y += cell) for (let x = at; x < width; x += cell) found.push(pixels[y * width + x]);
    return found;
  };
  const sum = (holder, cell) => colours(holder, cell, 1).reduce((a, b) => (31 * a + b) % 1000003, 7);
  const dots = holder => { // squares whose middle has another colour than their corner
    const corners = colours(holder, 12, 1);
    return colours(holder, 12, 6).filter((colour, k) => colour !== corners[k]).length;
  };
  const look = () => find("result").hidden ? find("said").textContent : {
    names: text(0).map(name => name[0]).join(" "), answers: text(1).filter(word => word !== "–"), switches: text(2),
    M: text(3), title: find("title").textContent, way: find("way").textContent, loss: find("loss").textContent,
    cut: find("cut").textContent, dots: dots(find("arrives")), dM: find("dM").textContent,
    pictures: Object.fromEntries(["weights", "write", "before", "after", "h", "arrives", "leaves", "dh"].map(
      id => [id, sum(find(id), 12)])),
    said: find("said").textContent, story: find("story").textContent, pointed: find("pointed").textContent,
    focus: document.activeElement.textContent, label: find("after").firstChild.ariaLabel,
  };
  const press = text => [...document.querySelectorAll("#board button")].find(b => b.textContent === text).click();
  const key = (name, on = find("clear")) => on.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true,
    cancelable: true }));
  const choose = (id, value) => { find(id).value = value; find(id).dispatchEvent(new Event("input", { bubbles: true }));
    find(id).dispatchEvent(new Event("change", { bubbles: true })); };
  const recipes = [...document.querySelectorAll("[data-recipe]")];
  const seen = {};
  DO
  return seen;
})()"""

CONTROLS = """
  seen.start = look();
  seen.recipes = recipes.map(button => {
    button.click();
    const now = look();
    now.dMs = text(0).map((_, t) => { film.rows[0].cells[t + 1].firstChild.click(); return find("dM").textContent; });
    return now;
  });
  find("next").click(); seen.next = look();
  press("Clear"); seen.clear = look();
  press("Step back"); press("← earlier"); press("later →"); press("Run again"); seen.nothing = look();
  for (const name of ["C", "4", "C", "?"]) press(name);
  seen.shown = look();
  find("modulated").click(); press("Run again"); seen.off = look();
  find("modulated").click(); press("Run again"); seen.on = look();
  press("← earlier"); press("← earlier"); seen.earlier = look();
  press("later →"); seen.later = look();
  film.rows[0].cells[1].firstChild.focus(); film.rows[0].cells[1].firstChild.click(); seen.first = look();
  press("Step back"); seen.back = look();
  press("?"); seen.again = look();
  find("frozen").click(); press("A"); press("1"); seen.frozen = look();
  seen.after = [...film.rows[4].cells].slice(1).map(cell => sum(cell, 3));
  find("frozen").click(); press("Step back"); press("Step back");
  choose("clip", "0.2"); press("Run again"); press("← earlier"); press("← earlier"); seen.clip = look();
  seen.clip_value = find("clip_value").textContent;
  choose("target", "1"); seen.target = look();
  press("Clear"); for (const name of ["b", "3", "B", "?"]) key(name);
  seen.keys = look();
  key("ArrowLeft"); key("ArrowLeft"); key("ArrowRight"); seen.arrows = look();
  key("Backspace"); seen.backspace = look();
  key("1", find("clip")); key("x"); seen.ignored = look();
  const canvas = find("after").querySelector("canvas"), box = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + 2.5 / 26 * box.width,
    clientY: box.top + 0.5 / 26 * box.height }));
  seen.pointed = look();
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the page showed after each of CONTROLS."""
    return opened(tmp_path_factory.mktemp("play"), page(), PRESS.replace("DO", CONTROLS))


def number(text):
    return float(text.replace("−", "-"))


def test_each_recipe_shows_what_the_package_computes(seen):
    assert seen["start"]["pictures"] == seen["recipes"][0]["pictures"]
    for recipe, shown in zip(RECIPES, seen["recipes"]):
        of = played(recipe)
        assert shown["names"].split() == list(of["names"])
        best = of["P"][of["names"] == EMPTY].max(axis=1)
        assert shown["answers"] == [f"{label} ({100 * P:.0f} %)" for label, P in zip(answers(of), best)]
        assert np.abs(np.array(list(map(number, shown["M"]))) - of["M"]).max() < 0.00501
        dM = of["dm"] / (1 - of["M"] ** 2)
        assert np.all(np.abs(np.array(list(map(number, shown["dMs"]))) - dM) <= 0.06 * np.abs(dM))
        assert abs(number(shown["loss"].split("=")[-1]) / of["loss"] - 1) < 0.06
        t = int(re.search(r"\d+", shown["title"])[0])
        assert shown["way"].endswith(f"step {t}") and t == int(
            (re.findall(r"look=(\d)", recipe) or [len(of["M"]) - 1])[0]
        )
        assert shown["cut"] == f"{np.sum(~of['inside'][t])} of 576" and shown["dots"] == np.sum(~of["inside"][t])
    assert len({shown["story"] for shown in seen["recipes"]}) == len(RECIPES)
    assert seen["next"]["pictures"] == seen["recipes"][0]["pictures"]  # after the last comes the first


def test_each_button_does_what_it_says(seen):
    assert "Nothing has been shown" in seen["clear"] and seen["nothing"] == seen["clear"]
    assert seen["shown"]["names"] == "C 4 C ?" and seen["shown"]["answers"][0].startswith("4 (")
    assert seen["off"]["switches"] == ["M off"] * 4 and seen["off"]["M"] == ["0.00"] * 4
    assert seen["off"]["label"] == "Hebb(4), largest entry 0"
    assert re.match(r"Hebb\(4\), largest entry 0\.[1-9]", seen["on"]["label"])
    assert seen["off"]["answers"] != seen["shown"]["answers"] and seen["on"]["pictures"] == seen["shown"]["pictures"]
    assert seen["earlier"]["title"] == "Step 1: label 4" and seen["later"]["title"] == "Step 2: cue C"
    assert seen["first"]["title"] == "Step 0: cue C" and seen["first"]["focus"].startswith("C")
    assert seen["back"]["names"] == "C 4 C" and seen["again"]["pictures"] == seen["shown"]["pictures"]
    assert seen["frozen"]["switches"] == ["–"] * 4 + ["frozen"] * 2
    after = seen["after"]  # Hebb(t+1) at all steps
    assert len(set(after[3:])) == 1 and len(set(after[:4])) > 2
    assert seen["clip"]["switches"] == ["clip 0.2"] * 4 and seen["clip_value"] == "0.20"
    assert int(seen["clip"]["cut"].split()[0]) > 0 and seen["earlier"]["cut"].startswith("0 of")
    assert "log P(4)" in seen["clip"]["loss"] and "log P(1)" in seen["target"]["loss"]
    changed = {name for name, value in seen["target"]["pictures"].items() if value != seen["clip"]["pictures"][name]}
    assert changed == {"arrives", "leaves", "dh"}  # another loss: only the way back changes


def test_keys_and_pointer(seen):
    assert seen["keys"]["names"] == "B 3 B ?" and seen["arrows"]["title"] == "Step 2: cue B"
    assert seen["backspace"]["names"] == "B 3 B" and seen["ignored"]["names"] == "B 3 B"
    assert re.match(r"Hebb\(3\), row 0 \(pre\), column 0 \(post\): [−0-9.]+$", seen["pointed"]["pointed"])


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_window(tmp_path, width):
    """In a frame, since a window has a smallest width. Every recipe is played in it."""
    frame = f'<iframe id="frame" style="width: {width}px; border: 0" srcdoc="{html.escape(page())}"></iframe>'
    code = """(() => {
        const inside = frame.contentDocument, root = inside.documentElement;
        return [...inside.querySelectorAll("[data-recipe]")].map(button => {
            button.click();
            return [root.clientWidth, root.scrollWidth, inside.getElementById("story").offsetParent !== null];
        });
    })()"""
    sizes = opened(tmp_path, f"<!doctype html><meta charset=utf-8><body>{frame}", code)
    assert len(sizes) == len(RECIPES)
    for client, scroll, told in sizes:
        assert width - 20 <= client <= width and scroll <= client  # less a scroll bar
        assert told == (width < 1152)  # beside the list of recipes nothing is told twice


def test_on_paper_nothing_is_folded_and_the_reel_is_as_wide_as_a_sheet(tmp_path):
    code = """(() => {
        for (let step = 0; step < 12; step++) ask.firstElementChild.click();
        const reel = document.querySelector("#reel table"), details = document.querySelector("details");
        const look = () => [reel.getBoundingClientRect().width, details.open];
        const found = [look()];
        for (const kind of ["beforeprint", "afterprint"]) {
            dispatchEvent(new Event(kind));
            found.push(look());
        }
        return found;
    })()"""
    (wide, folded), (sheet, opened_up), after = opened(tmp_path, page(), code)
    assert wide > 1000 and 500 < sheet < 640 and not folded and opened_up and after == [wide, folded]
    printed = re.search(r"@media print \{(.*?)\n\}", page(), re.S)[1]
    assert ".film { overflow: visible; }" in printed and ".film th { position: static; }" in printed
