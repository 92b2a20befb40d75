"""The notebooks as linked web pages: what they look like without Jupyter.

Nothing is executed: the stored outputs are shown. What Jupyter installs holds no MathJax that a page of its own
could load, so the pages ask the network for it; without a network formulas stay as readable TeX, as each page says.
(JupyterLab itself typesets them offline.) Pictures and files that pages lead to are copied beside them, so the folder
is all that a site needs.
"""

import html
import re
import urllib.parse
import warnings
from pathlib import Path

from ..files import FilesWarning, check_outputs, locked, make_folder, write_output
from .notebooks import FOLD
from .play import page as play_page

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
ALT = r"""\salt=(["'])(.*?)\1"""
NO_TEXT = "No description has been provided for this image"  # what some exporters write
OFFLINE = '<p class="offline">Formulas are typeset by MathJax from the network; without it they stay in TeX.</p>'


def write_site(paths, folder, force=False):
    """Write one page for each notebook of ``paths`` and an index into ``folder``. Returns the exit code 0.

    ValueError for a file that is no notebook, and for files in ``folder`` that are not of a site that was written there
    (which ``force`` replaces). FilesWarning, naming the notebook, for what a page lacks: a title, a text for those who
    cannot see a picture, a file that it leads to; and for stored errors.
    """
    make_folder(folder)
    with locked(folder):
        stems = [path.stem for path in paths]
        if taken := {"index", "play"} & set(stems):
            raise ValueError(f"paths: expected names other than {min(taken)}, which is another page of the site")
        check_outputs(folder, [f"{stem}.html" for stem in ("index", "play", *stems)], force)
        pages, copies = _render(paths)
        check_outputs(folder, copies, force)
        for name, file in copies.items():
            write_output(folder, name, file.read_bytes())
        for stem, page in pages.items():
            write_output(folder, f"{stem}.html", page)
            print(f"{folder}/{stem}.html", flush=True)
    print(f"open {folder}/index.html")
    return 0


def _render(paths):
    """dict: stem -> bytes of the page, and dict: name -> the file that goes beside the pages under this name."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(template_name="basic")
    style = STYLE + HtmlFormatter(style="default").get_style_defs(".highlight")
    notebooks = [read_notebook(path) for path in paths]
    stems = [path.stem for path in paths]
    titles, bodies, copies = {}, {}, {}
    for path, notebook in zip(paths, notebooks):
        body, _ = exporter.from_notebook_node(notebook)
        titles[path.stem] = _title(body, path)
        bodies[path.stem] = _relink(_with_alt_texts(_fold(body), notebook, path), path, stems, copies)
    pages = {}
    for number, stem in enumerate(stems):
        around = [("index", "All notebooks")]
        around += [(stems[number - 1], "← " + titles[stems[number - 1]])] if number else []
        around += [(stems[number + 1], titles[stems[number + 1]] + " →")] if number + 1 < len(stems) else []
        pages[stem] = _page(titles[stem], _links(around) + OFFLINE + bodies[stem] + _links(around), style)
    listed = "".join(f'<li><a href="{stem}.html">{html.escape(title)}</a></li>' for stem, title in titles.items())
    heading = "bpm_numpy: the notebooks"
    play = '<p><a href="play.html">A page to play with</a>: a small plastic network runs in it, step by step.</p>'
    pages["index"] = _page(heading, f"<h1>{heading}</h1><ol start=0>{listed}</ol>{play}", style)
    pages["play"] = play_page().encode()
    return pages, copies


def read_notebook(path):
    """The notebook of a file; ValueError, naming it, if it is none. FilesWarning if it holds errors of its cells."""
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without ids, which older programs write
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except Exception as error:  # nbformat raises nearly anything
        raise ValueError(f"paths: expected a notebook, got {path} ({type(error).__name__}: {error})") from None
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if any(output.output_type == "error" for output in outputs):
        _warn(path, "a cell that failed, whose error the page shows")
    return notebook


def _warn(path, what):
    warnings.warn(f"{path.name} has {what}", FilesWarning, stacklevel=3)


def _title(body, path):
    heading = re.search(r"<h1.*?</h1>", body, re.S)
    title = html.unescape(re.sub(r"<[^>]*>|¶", "", heading[0])).strip() if heading else ""
    if not title:
        _warn(path, "no heading; its name is the page's title")
    return title or path.stem


def _fold(body):
    """The code of cells with the tag FOLD in an element that starts closed."""
    code = rf'(celltag_{FOLD}\b.*?)(<div class="\s*highlight[^"]*">.*?</pre>\s*</div>)'
    return re.sub(code, r"\1<details><summary>Code</summary>\2</details>", body, flags=re.S)


def _with_alt_texts(body, notebook, path):
    """Some exporters leave out the texts of ``show_figure``; put them in, picture by picture."""
    texts = {}  # a picture as it stands in the page -> its texts, in order
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        for kind, data in output.get("data", {}).items():
            if kind.startswith("image/") and isinstance(data, str):
                text = output.get("metadata", {}).get(kind, {}).get("alt", "")
                texts.setdefault("".join(data.split()), []).append(text)

    def complete(image):
        written = re.search(ALT, image[0])
        if written and written[2] not in ("", NO_TEXT):
            return image[0]
        data = re.search(r'\ssrc="data:image/[^,"]*,([^"]*)"', image[0])
        left = texts.get("".join(data[1].split()), []) if data else []
        text = left.pop(0) if left else ""
        if not text:
            _warn(path, "a picture without a text for those who cannot see it")
        return re.sub(ALT, "", image[0]).rstrip("/> ") + f' alt="{html.escape(text or NO_TEXT)}">'

    return re.sub(r"<img\b[^>]*>", complete, body)


def _relink(body, path, stems, copies):
    """Links to notebooks of the site become links to their pages; other files are noted in ``copies``, by new names."""
    root = path.resolve().parent.parent

    def lead(link):
        address, mark, place = html.unescape(link[2]).partition("#")
        if not address or re.match(r"[a-zA-Z][\w+.-]*:|/", address):
            return link[0]
        target = path.parent / urllib.parse.unquote(address)
        if target.suffix == ".ipynb" and target.stem in stems:
            return f'{link[1]}="{html.escape(target.stem + ".html" + mark + place)}"'
        file = target.resolve()
        if not file.is_file() or root not in file.parents:
            _warn(path, f"a link to {address}, where no file of the notebooks is")
            return link[0]
        name = "-".join(part for part in Path(urllib.parse.unquote(address)).parts if part != "..")
        while copies.setdefault(name, file) != file:
            name = f"other-{name}"
        return f'{link[1]}="{html.escape(urllib.parse.quote(name) + mark + place)}"'

    return re.sub(r'\b(href|src)="([^"]*)"', lead, body)


def _links(around):
    return "<nav>" + "".join(f'<a href="{stem}.html">{html.escape(title)}</a>' for stem, title in around) + "</nav>"


def _page(title, body, style):
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style>{MATH.format(url=MATHJAX)}</head>"
        f"<body>{body}</body></html>"
    )
    return page.encode()
