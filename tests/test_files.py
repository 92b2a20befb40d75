"""Writing files: the old one or the new one, whole, under real faults; locks; and what a command may replace."""

import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest
from systems import linux, posix

from bpm_numpy import files
from bpm_numpy.files import check_outputs, locked, make_folder, read_json, replace_file, write_output


def write(path, data):
    with replace_file(path) as file:
        file.write(data)


def names(folder):
    return sorted(os.listdir(folder))


def start(code, *arguments):
    """Python code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# One file is replaced


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o666])
def test_permissions_and_owner_stay(tmp_path, mode):
    path = tmp_path / "kept"
    path.write_bytes(b"before")
    if os.geteuid() == 0:
        os.chown(path, 12345, 23456)
    path.chmod(mode)
    before = path.stat()
    write(path, b"after")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_bytes() == b"after"


@linux
def test_attributes_such_as_a_list_of_who_may_read_it_stay(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"before")
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("this disk has no attributes")
    write(path, b"after")
    assert os.getxattr(path, "user.note") == b"mine" and path.read_bytes() == b"after"


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_permissions_that_any_program_would_give_it(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "new", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask


@posix
def test_the_content_is_private_until_it_has_the_files_permissions(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"")
    path.chmod(0o600)
    with replace_file(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600


@posix
def test_through_a_link_the_file_that_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").write_bytes(b"before")
    for link, target in (("link", "data/file"), ("to nothing yet", "data/new")):
        (tmp_path / link).symlink_to(target)
        write(tmp_path / link, b"after")
        assert (tmp_path / link).is_symlink() and (tmp_path / target).read_bytes() == b"after"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError):
        write(tmp_path / "round", b"")
    assert names(tmp_path / "data") == ["file", "new"]


@posix
def test_what_is_no_ordinary_file_is_refused_and_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for special in ("pipe", "socket", "/dev/null"):
            with pytest.raises(ValueError, match=f"^path: expected an ordinary file, got .*{special}"):
                write(special, b"x")
    assert names(tmp_path) == ["pipe", "socket"] and stat.S_ISFIFO(os.stat("pipe").st_mode)


@posix
def test_a_file_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "read-only"
    path.write_bytes(b"before")
    path.chmod(0o444)
    if os.geteuid() == 0:  # who may write everything
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="read-only"):
        write(path, b"after")
    assert path.read_bytes() == b"before" and names(tmp_path) == ["read-only"]


@pytest.mark.parametrize("wrong", ["", "a\0b"])
def test_a_name_that_no_file_can_have(wrong):
    with pytest.raises(ValueError, match="^path: expected a name"):
        write(wrong, b"")


@posix
def test_a_name_as_long_as_any_can_be(tmp_path):
    write(tmp_path / ("n" * 255), b"x")
    assert names(tmp_path) == ["n" * 255]


@posix
def test_a_full_disk_leaves_everything_as_it_was(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"precious")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from bpm_numpy.files import replace_file\n"
        "with replace_file(sys.argv[1]) as file:\n    file.write(bytes(100_000))"
    )
    process = start(code, path)
    assert f"File too large: '{path}'" in process.communicate()[1] and process.returncode == 1
    assert path.read_bytes() == b"precious" and names(tmp_path) == ["kept"]


# Leftovers


WRITER = (
    "import sys\nfrom bpm_numpy.files import replace_file\n"
    "with replace_file(sys.argv[1]) as file:\n"
    "    file.write(b'half'); file.flush(); print('writing', flush=True); sys.stdin.read()"
)


@posix
def test_what_a_kill_leaves_behind_is_removed_by_the_next_write_but_not_while_it_is_written(tmp_path):
    users = (".bpm_numpy-mine.tmp", "kept.1234.tmp", ".bpm_numpy-" + "0" * 32 + ".tmp~")
    for name in users:
        (tmp_path / name).write_text("of the user")
    process = start(WRITER.replace("sys.stdin.read()", "import time; time.sleep(60)"), tmp_path / "one")
    assert process.stdout.readline() == "writing\n"
    (temporary,) = set(names(tmp_path)) - set(users)
    assert files.TEMPORARY.fullmatch(temporary)
    write(tmp_path / "two", b"whole")  # the other one is still at it
    assert temporary in names(tmp_path)
    process.kill()
    process.communicate()
    assert temporary in names(tmp_path)
    write(tmp_path / "two", b"whole")
    assert names(tmp_path) == sorted((*users, "two"))


@posix
def test_no_name_of_a_leftover_is_followed(tmp_path):
    (tmp_path / "precious").write_text("of the user")
    link = ".bpm_numpy-" + "0" * 32 + ".tmp"
    (tmp_path / link).symlink_to("precious")
    os.mkfifo(tmp_path / link.replace("0", "1"))
    write(tmp_path / "new", b"")
    assert (tmp_path / "precious").read_text("utf-8") == "of the user" and (tmp_path / link).is_symlink()


def _write_often(path, seconds, byte):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        write(path, bytes([byte]) * 50_000)


@posix
def test_many_threads_and_processes_that_are_killed_at_random_leave_whole_files(tmp_path):
    path = tmp_path / "shared"
    write(path, b"0" * 50_000)
    threads = [threading.Thread(target=_write_often, args=(path, 2, 48 + k)) for k in range(3)]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_often, args=(path, 60, 65 + k)) for k in range(2)]
    for worker in (*threads, *processes):
        worker.start()
    loads, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
        content = path.read_bytes()
        assert len(content) == 50_000 and len(set(content)) == 1
        loads += 1
    for process in processes:
        process.kill()
        process.join()
    for thread in threads:
        thread.join()
    assert loads > 10
    write(path, b"last")
    assert names(tmp_path) == ["shared"]


# Locks


@posix
def test_one_process_at_a_time_and_a_kill_releases_the_lock(tmp_path):
    code = (
        "import sys, time\nfrom bpm_numpy.files import locked\n"
        "with locked(sys.argv[1]):\n    print('in', flush=True); time.sleep(60)"
    )
    process = start(code, tmp_path)
    assert process.stdout.readline() == "in\n"
    with pytest.raises(ValueError, match="^folder: expected one that nothing else writes to, got .* in use"):
        with locked(tmp_path):
            raise AssertionError("inside")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with locked(tmp_path):
        pass
    assert names(tmp_path) == []


def test_a_file_of_the_user_in_the_place_of_the_lock_stays(tmp_path):
    path = tmp_path / ".bpm_numpy.lock"
    path.write_text("mine")
    with pytest.raises(ValueError, match="^folder: expected .bpm_numpy.lock to be empty, got .*; move it away$"):
        with locked(tmp_path):
            pass
    assert path.read_text("utf-8") == "mine"


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python reads numbers of any length")
def test_a_number_too_long_to_read_is_named_with_its_file(tmp_path):
    (tmp_path / "long.json").write_text("1" * 5000)
    with pytest.raises(ValueError, match="^path: expected a JSON file, got .*long.json"):
        read_json(tmp_path / "long.json")


def test_a_lock_is_released_by_an_error_and_passes_it_on(tmp_path):
    for error in (FileNotFoundError, OSError, KeyboardInterrupt):
        with pytest.raises(error), locked(tmp_path):
            raise error
    with locked(tmp_path), pytest.raises(ValueError, match="in use"), locked(tmp_path):
        pass


# A command's files


def test_a_command_replaces_its_own_files_and_no_others(tmp_path):
    (tmp_path / "table.csv").write_text("of the user")
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="^folder: .*table.csv.*--force"):
        check_outputs(tmp_path, ["figure.png", "table.csv"])
    check_outputs(tmp_path, ["figure.png", "empty"])
    check_outputs(tmp_path, ["table.csv"], force=True)
    for content in (b"one", b"two"):
        check_outputs(tmp_path, ["figure.png"])
        write_output(tmp_path, "figure.png", content)
    check_outputs(tmp_path, ["figure.png"])
    (tmp_path / "figure.png").write_bytes(b"changed by the user")
    with pytest.raises(ValueError, match="^folder: .*figure.png"):
        check_outputs(tmp_path, ["figure.png"])


@posix
def test_a_large_file_of_the_user_is_not_read_to_be_refused(tmp_path, monkeypatch):
    with open(tmp_path / "table.csv", "wb") as file:
        file.truncate(10**12)
    monkeypatch.setattr(files, "_digest", None)
    with pytest.raises(ValueError, match="^folder: .*table.csv.*--force"):
        check_outputs(tmp_path, ["table.csv"])


def test_a_kill_between_the_note_and_the_file_leaves_both_recognised(tmp_path, monkeypatch):
    write_output(tmp_path, "figure.png", b"one")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        whole, calls = os.replace, []

        def killed(*paths):
            calls.append(paths)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return whole(*paths)

        patch.setattr(os, "replace", killed)
        write_output(tmp_path, "figure.png", b"two")
    assert (tmp_path / "figure.png").read_bytes() == b"one"
    check_outputs(tmp_path, ["figure.png"])
    write_output(tmp_path, "figure.png", b"two")
    check_outputs(tmp_path, ["figure.png"])


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ValueError, match="^folder: expected a folder, got .*file"):
            make_folder(wrong)
    make_folder(tmp_path / "a/b")
    make_folder(tmp_path / "a/b")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_json_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(ValueError, match="^path: expected a (JSON|text) file, got .*settings.json"):
        read_json(tmp_path / "settings.json")


@posix
def test_a_pipe_is_not_waited_for_and_a_huge_file_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(10**11)
    for name in ("pipe", "huge"):
        with pytest.raises(ValueError, match=f"^path: expected .*{name}"):
            read_json(tmp_path / name)
