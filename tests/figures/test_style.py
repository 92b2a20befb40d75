"""What all figures share: a network has one colour everywhere, and two lines of one colour differ in style."""

import numpy as np
import pytest

pytest.importorskip("matplotlib").use("Agg")

from bpm_numpy.figures.draw_learning_curves import plot_learning_curves  # noqa: E402
from bpm_numpy.figures.style import COLOURS, LINES, NETWORKS, looks, png  # noqa: E402
from bpm_numpy.lab.runs import Group  # noqa: E402


def test_a_network_has_its_colour_whatever_stands_beside_it():
    alone, together = looks(["simple"]), looks(["LSTM", "by hand", "simple, here", "none"])
    assert alone["simple"]["color"] == together["simple, here"]["color"] == COLOURS[NETWORKS.index("simple")]
    colours = [look["color"] for look in together.values()]
    assert len(set(colours)) == 4
    assert together["by hand"]["color"] not in COLOURS[: len(NETWORKS)]


def test_two_lines_of_one_network_differ_in_style():
    one, other = looks(["LSTM", "LSTM, notes"]).values()
    assert one["color"] == other["color"] and one["linestyle"] != other["linestyle"]


def test_labels_that_name_no_network_follow_the_cycle():
    found = list(looks(["eta 0.1", "eta 0.3", "eta 0.7"]).values())
    assert found == [{"color": COLOURS[k], "linestyle": LINES[k]} for k in range(3)]


def test_learning_curves_have_a_thin_line_per_seed_and_say_what_each_line_is():
    scores = np.array([[0.0, 0.1], [0.2, 0.6], [0.1, 0.9]])  # (S, R)
    figure = plot_learning_curves([Group("maze", "small", "simple", 10, np.array([5, 10]), scores, 1.0)])
    (axis,) = figure.axes
    thin = axis.collections[1].get_segments()
    np.testing.assert_array_equal([line[:, 1] for line in thin], scores)
    assert "thick: median, band: quartiles, thin: one seed" in axis.get_legend().get_title().get_text()


def test_a_seed_that_runs_away_leaves_the_figure_with_an_arrow_and_its_score():
    scores = np.array([[0.5, 0.4], [0.5, 0.3], [0.5, 0.3], [0.5, 0.35], [0.5, 9.0]])  # (S, R)
    figure = plot_learning_curves([Group("maze", "small", "simple", 10, np.array([5, 10]), scores, 1.0)])
    (axis,) = figure.axes
    assert axis.get_ylim()[1] < 1 and [text.get_text() for text in axis.texts] == ["↑ 9.0"]
    tame = plot_learning_curves([Group("maze", "small", "simple", 10, np.array([5, 10]), scores[:4], 1.0)])
    assert not tame.axes[0].texts


def test_labels_of_any_length_leave_room_for_the_curves():
    label = "simple, rule oja, modulator linear, cell gru, decay.W_h 0.001, start.alpha [0.0, 0.1], hebb_penalty "
    groups = [Group("maze", "small", label + str(k), 10, np.array([5, 10]), np.ones((2, 2)), 1.0) for k in range(6)]
    figure = plot_learning_curves(groups)
    png(figure)  # drawn: a layout that fails warns
    assert figure.axes[0].get_position().height * figure.get_figheight() > 2.0  # inches
    assert all("\n" in text.get_text() for text in figure.axes[0].get_legend().get_texts())
