"""One progress line for long work."""

import contextlib
import sys
import time


def progress(items, total, label, number=None, note=lambda item: ""):
    """Yield ``items``, keeping a line on stderr: done, total, rate, seconds left. Ten plain lines when not a terminal.

    ``number(item)``: which of ``total`` an item is, where they do not count from 1; ``note(item)``: ends the line.
    """
    started, terminal = time.monotonic(), sys.stderr.isatty()
    for count, item in enumerate(items, start=1):
        yield item
        done = count if number is None else number(item)
        elapsed = time.monotonic() - started
        rate = count / max(elapsed, 1e-9)
        line = f"{label} {done}/{total}, {elapsed:.0f} s, {rate:.2g} a second, about {(total - done) / rate:.0f} s left"
        line += note(item)
        with contextlib.suppress(OSError):  # a terminal that was closed is no reason to stop
            if terminal:
                print(f"\r{line:<78}", end="\n" if done == total else "", file=sys.stderr, flush=True)
            elif done * 10 // total > (done - 1) * 10 // total:
                print(line, file=sys.stderr, flush=True)
