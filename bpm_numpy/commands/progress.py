"""One progress line for long work."""

import sys
import time


def progress(items, total, label):
    """Yield ``items``, keeping a line on stderr: done, total, seconds left. Ten plain lines when not a terminal."""
    started, terminal = time.monotonic(), sys.stderr.isatty()
    for done, item in enumerate(items, start=1):
        yield item
        elapsed = time.monotonic() - started
        line = f"{label} {done}/{total}, {elapsed:.0f} s, about {elapsed / done * (total - done):.0f} s left"
        if terminal:
            print(f"\r{line:<78}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done * 10 // total > (done - 1) * 10 // total:
            print(line, file=sys.stderr, flush=True)
