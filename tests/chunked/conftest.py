"""What the tests of the chunked way share, beside ``chunk_problems``."""

import pytest

from bpm_numpy.chunked import chunk


@pytest.fixture
def certificates(monkeypatch):
    """The list of all that ``Chunk.certified`` answers from now on."""
    answers, original = [], chunk.Chunk.certified

    def spy(self, bound):
        answers.append(original(self, bound))
        return answers[-1]

    monkeypatch.setattr(chunk.Chunk, "certified", spy)
    return answers
