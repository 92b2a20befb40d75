"""For JupyterLab: the notebooks are saved in the form in which they are stored.

JupyterLab notes in a notebook which Python and which kernel it was opened with, and saves that by itself two minutes
later. So a notebook that was only read would count as changed, and differently on every machine. This module is an
extension of Jupyter's server, which ``python -m bpm_numpy tutorial`` turns on (OPTIONS).
"""

from pathlib import Path

from .notebooks import FOLDER, METADATA

OPTIONS = [f"--ServerApp.jpserver_extensions={__name__}=True"]


def keep_metadata(model, path, contents_manager, **_):
    """What the server calls before it saves: the metadata of the tutorial's notebooks are put back to METADATA."""
    full = Path(contents_manager.root_dir, path.lstrip("/"))
    if model["type"] == "notebook" and full.resolve().parent == FOLDER:
        model["content"]["metadata"] = METADATA


def _jupyter_server_extension_points():
    return [{"module": __name__}]


def _load_jupyter_server_extension(app):
    app.contents_manager.register_pre_save_hook(keep_metadata)
