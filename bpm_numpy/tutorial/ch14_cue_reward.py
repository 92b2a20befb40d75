"""Figures of the recorded studies, made from what is kept of them in figures/data."""

from ..figures.draw_studies import study_figures

FIGURES = study_figures()
