"""How far the numbers that the notebooks print move when NumPy is shaken: a table to set margins from.

    python -m tests.moves            all notebooks
    python -m tests.moves 15 16      some of them

A line for each printed number that moves by more than a millionth, absolute and relative: its notebook and cell, what
is stored, and the least and the greatest of five shakes. Failed assertions and other words printed are named, too.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat

from bpm_numpy.site.notebooks import find_notebooks
from tests.site.test_notebooks import NUMBER, first_code_cell, text_of

SHAKEN = Path(__file__).parent / "shaken"
EXECUTE = """
import json, sys
from nbclient.exceptions import CellExecutionError
from bpm_numpy.site.notebooks import execute
try:
    print(json.dumps(execute(sys.argv[1]).cells))
except CellExecutionError as error:
    sys.exit(str(error)[-600:])
"""


def shaken_cells(path, seed):
    """The cells of a notebook as executed with a shake; ValueError with the end of the message if it fails."""
    environment = os.environ | {"SHAKE": str(seed), "PYTHONPATH": f"{SHAKEN}{os.pathsep}{Path.cwd()}"}
    done = subprocess.run([sys.executable, "-c", EXECUTE, path], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(done.stderr.strip())
    return json.loads(done.stdout)


def texts(cells):
    """The text outputs of each cell, joined."""
    return ["\n".join(text_of(output) for output in cell.get("outputs", [])) for cell in cells]


def moves(stored, shaken):
    """What a cell has printed, as stored and with each shake -> (stored, least, greatest) of the numbers that move.

    ValueError if the words differ.
    """
    if len({re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (stored, *shaken)}) > 1:
        raise ValueError("other words")
    columns = zip(*([float(number) for number in NUMBER.findall(text)] for text in (stored, *shaken)))
    return [(of[0], min(of), max(of)) for of in columns if max(of) - min(of) > 1e-6 * (1 + abs(of[0]))]


def main(names):
    print(f"{'notebook':30} cell {'stored':>12} {'least':>12} {'greatest':>12}")
    for path in find_notebooks():
        if names and not path.name.startswith(tuple(names)):
            continue
        notebook, runs = nbformat.read(path, as_version=4), []
        for seed in range(1, 6):
            try:
                runs.append(texts(shaken_cells(path, seed)))
            except ValueError as error:
                print(f"{path.stem:30} shake {seed}: {error}", flush=True)
        for number, (stored, *shaken) in enumerate(zip(texts(notebook.cells), *runs)):
            if number == first_code_cell(notebook):  # prints versions
                continue
            try:
                for of in moves(stored, shaken):
                    print(f"{path.stem:30} {number:4} {of[0]:12g} {of[1]:12g} {of[2]:12g}", flush=True)
            except ValueError as error:
                print(f"{path.stem:30} {number:4} {error}", flush=True)
        print(f"{path.stem:30} done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
