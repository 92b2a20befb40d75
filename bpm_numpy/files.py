"""Writing files without losing one."""

import contextlib
import os
import shutil


def check_path(path):
    """``path`` is a str, or an os.PathLike that stands for one, or TypeError."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"path: expected a str or os.PathLike, got {type(path).__name__}")


@contextlib.contextmanager
def replace_file(path):
    """Open a binary file that takes the place of ``path`` only when it is complete.

    The bytes go to a temporary file in the same folder, which replaces ``path`` in one step at the end of the
    ``with`` block. If anything goes wrong before that, the temporary file is removed and ``path`` is as it was.
    Raises TypeError for a path that is none, ValueError for a folder that does not exist.
    """
    check_path(path)
    path = os.path.realpath(path)  # through a link, its target is replaced
    if os.path.isdir(path):
        raise ValueError(f"path: expected a file, got the folder {path}")
    if not os.path.isdir(os.path.dirname(path)):
        raise ValueError(f"path: expected a file in an existing folder, got {path}")
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise
