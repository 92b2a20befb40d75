"""The MathJax 3 that JupyterLab brings, as one script for the pages of a site, so that formulas need no network.

JupyterLab keeps MathJax inside a bundle: numbered modules ``12345(module, exports, require) {...}``, spread over files
whose names and numbers change with every version. So the modules are found by what they export, and with them those
that they require. The fonts are in the script too, because some browsers let a page that lies on a disk load none.
"""

import base64
import json
import re
from functools import cache
from pathlib import Path

from ..files import read_text

EXPORTS = ("mathjax", "TeX", "CHTML", "TeXFont", "AllPackages", "HTMLHandler", "browserAdaptor")
MODULE = re.compile(r"[{,]\s*(\d+)(?::\s*(?:function\s*)?)?\((\w*(?:,\s*\w+)*)\)\s*(?:=>)?\s*\{")
LICENCED = ("mathjax-full", "mhchemparser")


@cache
def find_mathjax():
    """(script, licence) as texts, from the first of Jupyter's folders that holds all of it; None if none does.

    The script sets ``MATHJAX``: ``bundle``, the files of JupyterLab as they were; ``modules``, dict: export -> number
    of its module; ``fonts``, dict: name -> address.
    """
    from jupyter_core.paths import jupyter_path

    for folder in jupyter_path("lab", "static"):
        found = read_mathjax(folder) if Path(folder).is_dir() else None
        if found:
            return found
    return None


def read_mathjax(folder):
    """As ``find_mathjax``, from a folder with JupyterLab's files."""
    homes, exports = _read_modules(folder)
    if set(exports) != set(EXPORTS):
        return None
    files = _files_with(exports.values(), homes)
    if not files:
        return None
    bundle = "\n".join(read_text(file) for file in sorted(files))
    fonts = _read_fonts(folder, set(re.findall(r"%%URL%%/(MathJax_[\w-]+)\.woff", bundle)))
    licence = _read_licence(folder)
    if not fonts or not licence:
        return None
    script = (
        "// MathJax, as JupyterLab brings it: the files of its bundle, unchanged, and the fonts.\n"
        "// Its licence is in mathjax-licence.txt.\n"
        f"const MATHJAX = (() => {{\nconst self = {{}};\n{bundle}\n"
        f"return {{bundle: self, modules: {json.dumps(exports)}, fonts: {json.dumps(fonts)}}};\n}})();\n"
    )
    return script, licence


def _read_modules(folder):
    """dict: number -> dict: file -> numbers that the module requires there; and dict: export -> number."""
    homes, exports = {}, {}
    for file in sorted(Path(folder).glob("*.js")):
        text = read_text(file)
        heads = [*MODULE.finditer(text)]
        for head, following in zip(heads, [*heads[1:], None]):
            code = text[head.end() : following.start() if following else None]
            names = re.split(r",\s*", head[2])
            needs = re.findall(rf"\b{names[2]}\((\d+)\)", code) if len(names) > 2 else []
            homes.setdefault(head[1], {}).setdefault(file, set()).update(needs)
            for name in re.findall(r"\.(\w+)\s*=\s*void 0\b", code):
                if name in EXPORTS:
                    exports[name] = head[1]
    return homes, exports


def _files_with(numbers, homes):
    """The files that hold these modules and all that they require, one where a module is in several; None if one is
    in no file.
    """
    files, seen, left = set(), set(), set(numbers)
    while left:
        number = min(left, key=lambda number: (len(homes.get(number, ())), number))  # those with one home come first
        left.remove(number)
        seen.add(number)
        if number not in homes:
            return None
        file = next((file for file in homes[number] if file in files), min(homes[number]))
        files.add(file)
        left |= homes[number][file] - seen
    return files


def _read_fonts(folder, names):
    """dict: name -> address that holds the font itself; None if one is missing."""
    from fontTools.ttLib import TTFont

    fonts = {}
    for file in sorted(Path(folder).glob("*.woff")):
        with TTFont(file, lazy=True) as font:
            name = font["name"].getDebugName(6)
        if name in names:
            fonts[name] = "data:font/woff;base64," + base64.b64encode(file.read_bytes()).decode()
    return fonts if set(fonts) == names else None


def _read_licence(folder):
    """The licences of MathJax and of what it contains, as JupyterLab lists them; None if it lists none."""
    file = Path(folder) / "third-party-licenses.json"
    packages = json.loads(read_text(file))["packages"] if file.is_file() else []
    texts = [f"{of['name']} {of['versionInfo']}\n\n{of['extractedText']}" for of in packages if of["name"] in LICENCED]
    return "\n\n".join(texts) or None
