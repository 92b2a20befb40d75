"""What counts as a move of a printed number."""

import pytest

from tests.moves import moves

STORED = "score 0.97 (0.44 to 1e-16)\nin 3 runs"


def test_the_least_and_the_greatest_of_what_moves():
    shaken = [STORED.replace("0.97", "0.96"), STORED.replace("0.97", "0.98").replace("3", "4")]
    assert moves(STORED, shaken) == [(0.97, 0.96, 0.98), (3.0, 3.0, 4.0)]


def test_the_last_bits_and_spaces_are_no_move():
    assert moves(STORED, [STORED.replace("1e-16", "7e-15").replace("0.97", "0.9700001").replace(" ", "  ")]) == []


def test_other_words_are_an_error():
    with pytest.raises(ValueError, match="other words"):
        moves(STORED, [STORED, STORED.replace("score", "reward")])
    with pytest.raises(ValueError, match="other words"):
        moves(STORED, [STORED + ", 4"])
