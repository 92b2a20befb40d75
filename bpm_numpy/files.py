"""Writing files without losing one.

    replace_file     a file is the old one or the new one, whole, whatever happens while it is written
    locked           a folder that one process at a time may write to
    check_outputs    what a command may replace in a folder: the files that it wrote itself, and no others
    write_output     writes such a file
    read_json        and read_text, read_bytes: the content of a file, or a ValueError that names it

On Windows a lock file stays behind, a folder is not flushed, and leftovers are told from files in use by what the
system lets be removed; the rest is the same.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a file that is open can neither be locked by flock nor removed
    fcntl = None
    import msvcrt

TEMPORARY = re.compile(r"\.bpm_numpy-[0-9a-f]{32}\.tmp")  # of a file that is being written
LOCK = ".bpm_numpy.lock"
WRITTEN = ".bpm_numpy-written.json"
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NOT_NOW = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # what a lock says that another process holds


class FilesWarning(UserWarning):
    """Something of the files was missing or was passed over; all else went on."""


def check_path(path, name="path"):
    """``path`` is a str, or an os.PathLike that stands for one, or TypeError; ValueError for an empty one."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name}: expected a str or os.PathLike, got {type(path).__name__}")
    if os.fspath(path) == "" or "\0" in os.fspath(path):
        raise ValueError(f"{name}: expected a name, got {os.fspath(path)!r}")


def check_ordinary(path):
    """What is at ``path`` is an ordinary file, or nothing yet: ValueError for a folder, device, FIFO or socket.

    Returns its os.stat_result, or None.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise ValueError(f"path: expected a file, got the folder {os.fspath(path)}")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"path: expected an ordinary file, got the device, pipe or socket {os.fspath(path)}")
    return found


def check_target(path):
    """``replace_file`` can write ``path``: raises what it would raise, before hours of work for what goes there."""
    path, _ = _target(path)
    temporary, handle = _open_temporary(path, 0o600)
    os.close(handle)
    os.remove(temporary)


def _target(path):
    """Where links lead from ``path``, and the os.stat_result of what is there or None; errors as ``replace_file``."""
    check_path(path)
    path = os.path.realpath(path)
    before = check_ordinary(path)
    if not os.path.isdir(os.path.dirname(path)):
        raise ValueError(f"path: expected a file in an existing folder, got {path}")
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return path, before


@contextlib.contextmanager
def replace_file(path):
    """Open a binary file that takes the place of ``path`` only when it is complete.

    The bytes go to a temporary file in the same folder, which replaces ``path`` in one step at the end of the
    ``with`` block, and reach the disk before it does. If anything goes wrong before that, the temporary file is removed
    and ``path`` is as it was. Permissions stay, and the owner where the system allows it. Through a symbolic link the
    file that it leads to is replaced. After a kill the temporary file stays behind, under a name that matches
    TEMPORARY; the next call in that folder removes it.

    Raises TypeError for a path that is none; ValueError for a folder that does not exist and for all that is not an
    ordinary file; PermissionError for a file that may not be written; OSError if the disk refuses.
    """
    path, before = _target(path)
    remove_leftovers(os.path.dirname(path))
    # Of a file that is there nobody else may read the new content before it has the old permissions.
    temporary, handle = _open_temporary(path, 0o666 if before is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if before is not None:
                _keep_owner_and_permissions(file.fileno(), temporary, path, before)
            os.fsync(file.fileno())
            if fcntl:  # still open, so still locked
                os.replace(temporary, path)
        if not fcntl:
            os.replace(temporary, path)
        _flush_folder(os.path.dirname(path))
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        if isinstance(error, OSError) and error.strerror and error.filename in (None, temporary):
            error.filename = path  # a full disk names no file, and nobody knows the temporary one
        raise


def remove_leftovers(folder):
    """Remove the temporary files in ``folder`` whose writer is gone, for a writer keeps its file locked."""
    entries = []
    with contextlib.suppress(PermissionError):  # a folder to write to, but not to look into
        entries = list(os.scandir(folder))
    for entry in entries:
        if not TEMPORARY.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            continue
        with contextlib.suppress(OSError):  # another's file, or removed by somebody else just now
            if not fcntl:
                os.remove(entry.path)  # refused while it is open
                continue
            handle = os.open(entry.path, os.O_RDWR | NO_LINK | os.O_NONBLOCK)
            try:
                if _lock(handle):
                    os.remove(entry.path)
            finally:
                os.close(handle)


def _open_temporary(path, mode):
    """A new file beside ``path`` with a name that nobody can foresee, open and locked -> its path and handle."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK | getattr(os, "O_BINARY", 0)
    while True:
        temporary = os.path.join(os.path.dirname(path), f".bpm_numpy-{secrets.token_hex(16)}.tmp")
        try:
            handle = os.open(temporary, flags, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None  # a name that the caller knows
        # Between the two calls another writer may take it for a leftover. Where there are no locks nobody removes any.
        with contextlib.suppress(OSError):
            if fcntl and not (_lock(handle) and os.path.exists(temporary)):
                os.close(handle)
                continue
        return temporary, handle


def _lock(handle):
    """Lock an open file, without waiting: False if another process has it. OSError where there are no locks."""
    try:
        if fcntl:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in NOT_NOW:
            return False
        raise
    return True


def _keep_owner_and_permissions(handle, temporary, path, before):
    if not fcntl:
        os.chmod(temporary, stat.S_IMODE(before.st_mode))
        return
    for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
        with contextlib.suppress(PermissionError):
            os.fchown(handle, owner, group)
    os.fchmod(handle, stat.S_IMODE(before.st_mode))
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):  # not every disk has these, and not all may be set
            for name in os.listxattr(path):  # such as a list of who may read it
                os.setxattr(handle, name, os.getxattr(path, name))


def _flush_folder(folder):
    """The new name is on the disk too, where the system can be asked for that."""
    if not fcntl:
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder to write to, but not to look into
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def make_folder(folder):
    """Make ``folder``, and those above it, where they are not there: ValueError if that cannot be."""
    check_path(folder, "folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"folder: expected a folder, got {os.fspath(folder)}, where a file is in the way") from None
    except OSError as error:
        raise ValueError(f"folder: expected one that can be made, got {folder} ({error.strerror})") from error


@contextlib.contextmanager
def locked(folder):
    """Only one process at a time is inside this for an existing ``folder``; ValueError for a second one.

    The lock goes away with its process, however that ends. Locks of this kind (flock) hold between containers that
    share a disk. OSError on a disk that has none.
    """
    path = os.path.join(folder, LOCK)
    handle = _open_lock(path, folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if fcntl and os.path.samestat(os.stat(path), os.fstat(handle)):
                os.remove(path)
        os.close(handle)


def _open_lock(path, folder):
    """The lock file, open and locked."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
        try:
            try:
                free = _lock(handle)
            except OSError as error:
                raise OSError(error.errno, f"{error.strerror} (a disk without locks)", path) from None
            if os.fstat(handle).st_size:
                raise ValueError(f"folder: expected {LOCK} to be empty, got {path} with something in it; move it away")
            if not free:
                raise ValueError(f"folder: expected one that nothing else writes to, got {folder}, which is in use")
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(handle)):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # of a file that its holder removed just now


def check_outputs(folder, names, force=False):
    """Files of these names may be written into ``folder``: none is there but what ``write_output`` wrote and is
    unchanged since, and empty ones. ValueError, naming the first other one, unless ``force``.
    """
    written = _written(folder)
    for name in names:
        path = Path(folder) / name
        found = check_ordinary(path)
        if found is None or found.st_size == 0 or force:
            continue
        if name not in written or not _is_one_of(path, written[name]):
            raise ValueError(
                f"folder: expected no {name} that was written or changed by something else, got {path}; "
                "move it away, or replace it with --force"
            )


def write_output(folder, name, data):
    """Write the bytes ``data`` to a file in ``folder``, and note down for ``check_outputs`` that it is ours."""
    note_output(folder, name, data)
    with replace_file(Path(folder) / name) as file:
        file.write(data)


def note_output(folder, name, data):
    """The file ``name`` in ``folder`` is ours as long as it holds these bytes."""
    written = _written(folder)
    # The old one too: if ``write_output`` is killed between the two files, either is recognised.
    written[name] = list(dict.fromkeys([*written.get(name, ()), _digest(io.BytesIO(data))]))[-2:]
    with replace_file(Path(folder) / WRITTEN) as file:
        file.write(json.dumps(written, indent=1).encode())


def _written(folder):
    """dict: name -> digests of what was written under it last."""
    path = Path(folder) / WRITTEN
    if not path.exists():
        return {}
    written = read_json(path)
    if not isinstance(written, dict) or not all(isinstance(digests, list) for digests in written.values()):
        raise ValueError(f"folder: expected a list of what was written there, got {path}; remove it")
    return written


def _is_one_of(path, digests):
    with open(path, "rb") as file:
        return _digest(file) in digests


def _digest(file):
    """Of an open file, which may be of any size: read in pieces."""
    digest = hashlib.sha256()
    while piece := file.read(2**20):
        digest.update(piece)
    return digest.hexdigest()


def read_bytes(path, largest):
    """The content of an ordinary file of at most ``largest`` bytes; ValueError, naming it, for any other."""
    found = check_ordinary(path)
    if found is not None and found.st_size > largest:
        raise ValueError(f"path: expected at most {largest} bytes, got {os.fspath(path)} of {found.st_size}")
    return Path(path).read_bytes()


def read_text(path, largest=10**8):
    """The content of a text file in UTF-8, as ``read_bytes``."""
    try:
        return read_bytes(path, largest).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"path: expected a text file, got {os.fspath(path)} ({error})") from None


def read_json(path):
    """What a JSON file holds; ValueError, naming it, if it is none."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"path: expected a JSON file, got {os.fspath(path)} ({error})") from None
