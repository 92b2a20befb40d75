"""The page ``play.html``: the memory of chapter 02 runs in the reader's browser, step by step, and backwards.

``play.html`` is its text and its look, ``play.js`` the network and what draws it. The weights come from a file that
``tutorial.ch02_hebb_matrices.record_memory`` makes. The page is whole: it needs no server and no other file.
"""

import json
import re
import urllib.parse
from pathlib import Path

import numpy as np

from .. import __version__
from ..files import read_text
from ..learning.storage import load_parameters

HERE = Path(__file__).resolve().parent
MEMORY = HERE.parents[1] / "figures" / "data" / "memory.npz"
CUES, LABELS = "ABCDEF", "1234"
EMPTY = "?"  # the step at which an answer is due


def page(path=MEMORY):
    """The page as a text, with the network of the file ``path``."""
    net, params = load_parameters(path)
    memory = {
        "params": {name: value.tolist() for name, value in params.items()},
        "clip": net.clip,
        "inputs": {name: x.tolist() for name, x in inputs().items()},
    }
    text = read_text(HERE / "play.html")
    parts = {
        "favicon": f"data:image/svg+xml,{urllib.parse.quote(read_text(HERE / 'favicon.svg'))}",
        "version": __version__,
        "play.js": read_text(HERE / "play.js"),
        "memory": json.dumps(memory),
    }
    return re.sub(r"\[(favicon|version|play\.js|memory)\]", lambda part: parts[part[1]], text)


def searched():
    """(title, heading, text): what a search knows of the page."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(read_text(HERE / "play.html"), "html.parser")
    title = soup.h1.get_text()
    return title, title, " ".join(soup.main.get_text(" ").split())


def inputs():
    """dict: what a step can show -> x (D,). Cues are as unlike as eight bits allow: any two differ in four of them."""
    signs = np.array([[1.0, 1.0], [1.0, -1.0]])
    cues = np.kron(np.kron(signs, signs), signs)  # (8, bits): their products are zero
    shown = {name: np.append(cue, np.zeros(len(LABELS))) for name, cue in zip(CUES, cues)}
    shown |= {name: np.append(np.zeros(len(cues)), label) for name, label in zip(LABELS, np.eye(len(LABELS)))}
    return shown | {EMPTY: np.zeros(len(cues) + len(LABELS))}
