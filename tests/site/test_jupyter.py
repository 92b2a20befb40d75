"""Opening a notebook in JupyterLab and leaving it alone changes nothing in it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from systems import posix

from bpm_numpy.commands import tutorial
from bpm_numpy.site.jupyter import keep_metadata
from bpm_numpy.site.notebooks import FOLDER, METADATA

ROOT = Path(__file__).parents[2]
open_address = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # without a proxy: it is here
# What JupyterLab writes into a notebook when its kernel has started.
BY_LAB = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "version": "3.14.1", "mimetype": "text/x-python", "file_extension": ".py"},
}


class Manager:
    """The one thing of a contents manager that the hook looks at."""

    def __init__(self, root_dir):
        self.root_dir = str(root_dir)


@pytest.mark.parametrize(
    "root, path", [(ROOT, "notebooks/00_start_here.ipynb"), (ROOT, "/notebooks/new.ipynb"), (FOLDER, "01.ipynb")]
)
def test_the_metadata_of_the_tutorials_notebooks_are_kept(root, path):
    model = {"type": "notebook", "content": {"metadata": dict(BY_LAB), "cells": ["a cell"]}}
    keep_metadata(model=model, path=path, contents_manager=Manager(root))
    assert model == {"type": "notebook", "content": {"metadata": METADATA, "cells": ["a cell"]}}


def test_other_files_are_left_alone(tmp_path):
    for root, path, kind in ((tmp_path, "notebooks/00.ipynb", "notebook"), (ROOT, "notebooks/a.txt", "file")):
        model = {"type": kind, "content": {"metadata": dict(BY_LAB)}}
        keep_metadata(model=model, path=path, contents_manager=Manager(root))
        assert model["content"]["metadata"] == BY_LAB


@pytest.fixture
def clone(tmp_path):
    """A copy of what JupyterLab works with, so that nothing here is at risk."""
    shutil.copytree(ROOT / "bpm_numpy", tmp_path / "bpm_numpy", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "notebooks").mkdir()
    shutil.copy(FOLDER / "00_start_here.ipynb", tmp_path / "notebooks")
    return tmp_path


def jupyterlab(clone):
    """The command line that ``python -m bpm_numpy tutorial`` runs."""
    code = "import subprocess; subprocess.Popen = lambda command, **_: print(*command, sep='\\n') or exit()\n"
    code += "from bpm_numpy.__main__ import main; main(['tutorial'])"
    options = {"cwd": clone, "env": os.environ | {"PYTHONPATH": str(clone)}, "capture_output": True, "text": True}
    command = subprocess.run([sys.executable, "-c", code], **options, check=True).stdout.splitlines()
    assert command[1:4] == ["-m", "jupyter", "lab"] and command[-1] == str(clone / "notebooks" / "00_start_here.ipynb")
    return command


def answering(process, folder):
    """What a JupyterLab says of itself in ``folder``, once it answers: it writes that down before it listens."""
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        for path in folder.glob("jpserver-*.json"):
            with contextlib.suppress(ConnectionError, ValueError):
                at = json.loads(path.read_text(encoding="utf-8"))
                socket.create_connection(("localhost", at["port"])).close()
                return at
        time.sleep(0.2)
    raise AssertionError("the server did not start")


@pytest.mark.parametrize("option, said", [("--no-browser", "and there notebooks/05_"), ("--port=1", "opens 05_")])
def test_what_is_said_is_what_jupyterlab_does(monkeypatch, capsys, option, said):
    monkeypatch.setattr(tutorial.subprocess, "Popen", lambda *_, **__: Ended())
    assert tutorial.open_in_jupyterlab(FOLDER / "05_the_modulator.ipynb", [option]) == 0
    err = capsys.readouterr().err
    assert said in err and ("in a browser; its folder" in err) == (option != "--no-browser")


class Ended:
    """A process that has ended."""

    def poll(self):
        return 0

    wait = kill = poll


@pytest.fixture
def ask(clone):
    """A function that asks the JupyterLab of the clone: ask(path, a JSON object to PUT or None)."""
    running = clone / "running"
    variables = {
        "PYTHONPATH": str(clone),
        "JUPYTER_CONFIG_DIR": str(clone / "of the user"),
        "JUPYTER_RUNTIME_DIR": str(running),
    }
    command = [*jupyterlab(clone), "--no-browser", "--allow-root", "--port=0"]
    options = {"cwd": clone, "env": os.environ | variables, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **options) as server:
        try:
            at = answering(server, running)

            def ask(path, put=None):
                request = urllib.request.Request(
                    f"{at['url']}api/{path}",
                    method="GET" if put is None else "PUT",
                    data=None if put is None else json.dumps(put).encode(),
                    headers={"Authorization": f"token {at['token']}", "Content-Type": "application/json"},
                )
                with open_address(request, timeout=60) as answer:
                    return json.load(answer)

            yield ask
        finally:
            server.terminate()


@pytest.mark.notebook
def test_what_the_autosave_of_jupyterlab_saves_is_what_was_there(clone, ask):
    path = clone / "notebooks" / "00_start_here.ipynb"
    before, written = path.read_bytes(), path.stat().st_mtime_ns
    model = ask("contents/notebooks/00_start_here.ipynb")
    assert model["content"]["metadata"] == METADATA
    model["content"]["metadata"] = BY_LAB
    ask("contents/notebooks/00_start_here.ipynb", {"type": "notebook", "format": "json", "content": model["content"]})
    assert path.stat().st_mtime_ns > written and path.read_bytes() == before
    model["content"]["cells"][1]["source"] += "\n# a change"  # a change of the reader's own is saved
    ask("contents/notebooks/00_start_here.ipynb", {"type": "notebook", "format": "json", "content": model["content"]})
    assert b"# a change" in path.read_bytes()


@pytest.mark.notebook
@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_jupyterlab_and_its_kernels_in_order(clone, number):
    variables = {"PYTHONPATH": str(clone), "JUPYTER_CONFIG_DIR": str(clone), "JUPYTER_RUNTIME_DIR": str(clone / "run")}
    words = ["tutorial", "00", "--no-browser", "--port", "8765", "--allow-root", "--ServerApp.token=word"]
    with open(clone / "errors", "w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bpm_numpy", *words],
            cwd=clone,
            env=os.environ | variables,
            stderr=errors,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also in the background of a shell
        )
        try:
            url = answering(process, clone / "run")["url"] + "api/kernels"
            headers = {"Authorization": "token word", "Content-Type": "application/json"}
            kernel = urllib.request.Request(url, method="POST", data=b"{}", headers=headers)
            with open_address(kernel, timeout=60) as answer:
                assert json.load(answer)["id"]
            process.send_signal(number)
            assert process.wait(100) == 128 + number
        finally:
            process.terminate()  # JupyterLab ends with it
            process.wait(100)
    said = (clone / "errors").read_text("utf-8")
    assert f"JupyterLab begins in {clone}." in said
    assert "Shutting down 1 kernel" in said and said.endswith("tutorial: interrupted\n")
