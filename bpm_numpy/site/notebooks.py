"""Executing the notebooks, and the two things that their cells share with the package."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


FOLD = "fold"  # the tag of cells whose code is not what the chapter is about: imports, thresholds, drawing


def find_notebooks(folder=FOLDER):
    """Paths of the notebooks, in reading order; ValueError if there are none (an install without the clone)."""
    paths = sorted(Path(folder).glob("[0-9]*.ipynb"))
    if not paths:
        raise ValueError(f"notebooks: expected NN_topic.ipynb files in {folder}, found none; run from a clone")
    return paths


def execute(path, timeout=600, extra_cells=()):
    """Run a notebook in a fresh kernel -> the executed notebook, cleaned of all that differs from run to run.

    ``extra_cells``: code that runs behind its last cell. Raises nbclient's CellExecutionError, which quotes the
    failing cell.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in extra_cells]
    NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],  # a kernel's warnings are not the notebook's
        resources={"metadata": {"path": str(Path(path).parent)}},
    ).execute()
    return clean(notebook)


def execute_apart(path):
    """``execute`` in a process of its own, so that Ctrl-C ends it at once -> the executed notebook.

    RuntimeError, with what was raised there, if it fails: by a cell, a kernel that died, a time-out.
    """
    import nbformat

    code = f"import {__name__} as notebooks, sys; sys.exit(notebooks._execute_and_print(sys.argv[1]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a terminal's Ctrl-C does not reach it, so the kernel is ended in good order
    )
    try:
        written, errors = process.communicate()
    finally:
        process.terminate()
        process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode(errors="replace").strip())
    return nbformat.reads(written.decode(), as_version=4)


def _execute_and_print(path):
    try:
        written = notebook_bytes(execute(path))
    except Exception as error:  # nbclient and nbformat raise nearly anything
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(written)
    return 0


def solutions(notebook):
    """The Python code of the folded solutions (```python blocks inside <details>) of a notebook, in order."""
    folded = [re.findall(r"<details>.*?</details>", cell.source, re.S) for cell in notebook.cells]
    return [code for blocks in folded for block in blocks for code in re.findall(r"```python\n(.*?)```", block, re.S)]


def clean(notebook):
    """Fixed cell ids; no metadata except the kernel's name and the cells' tags; code with the tag FOLD is folded."""
    notebook.metadata = METADATA
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        if FOLD in tags:
            cell.metadata["jupyter"] = {"source_hidden": True}  # as JupyterLab has it
    return notebook


def write_notebook(notebook, path):
    """Write to a temporary file, then put it in place of ``path``."""
    from ..files import replace_file

    with replace_file(path) as file:
        file.write(notebook_bytes(notebook))


def notebook_bytes(notebook):
    """What ``write_notebook`` writes."""
    import nbformat

    return (nbformat.writes(notebook) + "\n").encode()


def show_source(*functions):
    """Print the source of functions of the package: what a notebook explains is what runs."""
    print("\n\n".join(inspect.getsource(function).rstrip() for function in functions))
