"""Cells, one file each: how h_t follows from x_t, the state and y_t = h_{t-1} W~(t), which plastic weights bring.

    rnn    h_t = tanh(x_t W_x + y_t + b)
    lstm   (2.7-2.12), plastic in the candidate i_t
    gru    Cho et al. 2014, plastic in the candidate n_t

``base`` says what a cell is; CONTRIBUTING.md shows how to add one from outside.
"""

from ..parts import add_built_in
from .base import Cell
from .gru import GRU
from .lstm import LSTM
from .rnn import RNN

__all__ = ["Cell"]

add_built_in(RNN(), LSTM(), GRU())
