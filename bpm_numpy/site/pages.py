"""The notebooks as linked web pages: what they look like without Jupyter.

Nothing is executed: the stored outputs are shown. What Jupyter installs holds no MathJax that a page of its own
could load, so the pages ask the network for it; without a network formulas stay as readable TeX, as each page says.
(JupyterLab itself typesets them offline.)
"""

import html
import os
import re
from pathlib import Path

from ..files import replace_file

STYLE = """
body { max-width: 46rem; margin: 0 auto; padding: 0 1rem 3rem; font: 1rem/1.55 system-ui, sans-serif; color: #1b1b1b;
       background: #fff; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: break-word; }
a { color: #0b5cad; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; padding: .8rem 0; border-bottom: 1px solid #ddd; }
pre, .highlight, mjx-container[display="true"] { overflow-x: auto; }
pre { padding: .6rem .8rem; margin: .4rem 0; font-size: .82rem; line-height: 1.4; background: #f6f7f8;
      border-radius: 4px; }
.jp-OutputArea pre, .output_area pre, .output pre { background: none; border-left: 3px solid #ddd; border-radius: 0; }
code { font-size: .88em; }
img { max-width: 100%; height: auto; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: .85rem; }
td, th { padding: .15rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
details { margin: .6rem 0; padding: .3rem .8rem; border: 1px solid #ddd; border-radius: 4px; }
.prompt, .jp-InputPrompt, .jp-OutputPrompt, .anchor-link { display: none; }
.offline { font-size: .85rem; color: #555; }
"""

# The note goes away when MathJax has come.
MATH = """
<script>window.MathJax = {{ tex: {{ inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]] }},
  startup: {{ pageReady: () => MathJax.startup.defaultPageReady().then(
    () => document.querySelectorAll(".offline").forEach(note => note.remove())) }} }};</script>
<script async src="{url}"></script>
"""
MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-chtml.js"
OFFLINE = '<p class="offline">Formulas are typeset by MathJax from the network; without it they stay in TeX.</p>'


def write_site(paths, folder):
    """Write one page for each notebook of ``paths`` and an index into ``folder``. Returns the exit code 0."""
    import nbformat
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    os.makedirs(folder, exist_ok=True)
    exporter = HTMLExporter(template_name="basic")
    style = STYLE + HtmlFormatter(style="default").get_style_defs(".highlight")
    titles = {}
    bodies = {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        body, _ = exporter.from_notebook_node(notebook)
        body = _with_alt_texts(body, notebook)
        titles[path.stem] = html.unescape(re.sub(r"<[^>]*>|¶", "", re.search(r"<h1.*?</h1>", body, re.S)[0])).strip()
        bodies[path.stem] = _relink(body, folder, path.parent)
    stems = list(titles)
    for number, stem in enumerate(stems):
        around = [("index", "All notebooks")]
        around += [(stems[number - 1], "← " + titles[stems[number - 1]])] if number else []
        around += [(stems[number + 1], titles[stems[number + 1]] + " →")] if number + 1 < len(stems) else []
        _write_page(folder, stem, titles[stem], _links(around) + OFFLINE + bodies[stem] + _links(around), style)
        print(f"{folder}/{stem}.html", flush=True)
    listed = "".join(f'<li><a href="{stem}.html">{html.escape(title)}</a></li>' for stem, title in titles.items())
    _write_page(
        folder,
        "index",
        "bpm_numpy: the notebooks",
        f"<h1>bpm_numpy: the notebooks</h1><ol start=0>{listed}</ol>",
        style,
    )
    print(f"open {folder}/index.html")
    return 0


def _with_alt_texts(body, notebook):
    """The exporter leaves out the texts of ``show_figure``; put them in, figure by figure."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = iter([output.metadata["image/png"]["alt"] for output in outputs if "image/png" in output.get("data", {})])
    return re.sub(r'(<img[^>]*src="data:image/png[^>]*?)>', lambda image: _with_alt(image[1], next(texts)), body)


def _with_alt(image, text):
    return re.sub(r'\s+alt="[^"]*"', "", image) + f' alt="{html.escape(text)}">'


def _relink(body, folder, notebooks):
    """Links to notebooks become links to their pages; links to files beside them are made relative to ``folder``."""
    body = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', body)
    back = Path(os.path.relpath(notebooks, folder)).as_posix()
    return re.sub(r'(href|src)="(\.\./[^"]+)"', rf'\1="{back}/\2"', body)


def _links(around):
    return "<nav>" + "".join(f'<a href="{stem}.html">{html.escape(title)}</a>' for stem, title in around) + "</nav>"


def _write_page(folder, stem, title, body, style):
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style>{MATH.format(url=MATHJAX)}</head>"
        f"<body>{body}</body></html>"
    )
    with replace_file(Path(folder) / f"{stem}.html") as file:
        file.write(page.encode())
