"""What the notebooks show that is neither text nor a figure: tables, as a page renders them."""

import html

from IPython.display import HTML, display


def show_table(header, rows, caption=""):
    """Display rows of cells (strings, or anything with a ``str``) under a header, as a table."""
    lines = ["".join(f"<th>{html.escape(str(cell))}</th>" for cell in header)]
    lines += ["".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    display(HTML(f"<table>{title}{body}</table>"))
