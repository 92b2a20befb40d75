"""One progress line for long work."""

import contextlib
import shutil
import sys
import time


def progress(items, total, label, number=None, note=lambda item: "", begun=None):
    """Yield ``items``, keeping a line on stderr: how many are done, the rate, the time left; at the end the time taken.

    On a terminal the line is written anew with each item; elsewhere there are ten plain lines. ``number(item)``: how
    many of ``total`` are done, where that is not the count of items; it may stay the same from item to item.
    ``begun``: how many were done before, by default one fewer than at the first item; ``note(item)``: ends the line.
    """
    started, terminal, before = time.monotonic(), sys.stderr.isatty(), None
    for count, item in enumerate(items, start=1):
        yield item
        done = count if number is None else number(item)
        begun = done - 1 if begun is None else begun
        before = begun if before is None else before
        if terminal or done * 10 // total > before * 10 // total:
            line = _line(label, done, total, done - begun, time.monotonic() - started) + note(item)
            with contextlib.suppress(OSError):  # a terminal that was closed is no reason to stop
                if terminal:
                    width = shutil.get_terminal_size().columns - 1
                    end = "\n" if done == total else ""
                    print(f"\r{line[:width]:<{width}}", end=end, file=sys.stderr, flush=True)
                else:
                    print(line, file=sys.stderr, flush=True)
        before = done


def _line(label, done, total, here, seconds):
    """``here``: how many were done in these seconds."""
    if done == total:
        return f"{label} {done}/{total} in {duration(seconds)}"
    if not here:
        return f"{label} {done}/{total}, {duration(seconds)}"
    rate = here / max(seconds, 1e-9)
    speed = f"{rate:.{0 if rate >= 10 else 1}f} a second" if rate >= 1 else f"one in {duration(1 / rate)}"
    return f"{label} {done}/{total}, {duration(seconds)}, {speed}, about {duration((total - done) / rate)} left"


def duration(seconds):
    """Seconds in the unit that suits them, as text."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
