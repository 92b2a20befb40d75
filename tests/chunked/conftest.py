"""What the tests of the chunked way share, beside ``chunk_problems``."""

import pytest

from bpm_numpy.chunked import chunk


@pytest.fixture
def certificates(monkeypatch):
    """Of all chunks whose certificate is asked for from now on: True where no entry is at risk, a list."""
    answers, original = [], chunk.Chunk.at_risk

    def spy(self, bound, times=1):
        at = original(self, bound, times)
        answers.append(at is not None and not at.size)
        return at

    monkeypatch.setattr(chunk.Chunk, "at_risk", spy)
    return answers
