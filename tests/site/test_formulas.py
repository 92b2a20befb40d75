"""Formulas as text: in letters, for descriptions and the search."""

import pytest

from bpm_numpy.site.formulas import LETTERS, OTHERS, plain


@pytest.mark.parametrize(
    "text, letters",
    [
        (r"$\alpha\otimes\mathrm{Hebb}$", "α ⊗ Hebb"),
        (r"so $y = h(w + \alpha \otimes \mathrm{Hebb})$ is", "so y = h(w + α ⊗ Hebb) is"),
        (r"$h\,\mathrm{Clip}(x)\;y$", "h Clip(x) y"),
        (r"$h\mathrm{Clip}(x)$", "h Clip(x)"),
        (r"$\mathrm dL/\mathrm dA$", "dL/dA"),
        (r"$\partial L/\partial A$", "∂L/∂A"),
        (r"$$\frac{\partial L}{\partial \mathrm{Hebb}_{ij}} = \tfrac9{16}$$", "∂L/∂Hebb_ij = 9/16"),
        (r"$\tilde W_{ij}$, $\tilde{W}$", "W̃_ij, W̃"),
        (r"$\delta = 0$, $\Gamma_t x$, $\eta x$", "δ = 0, Γ_t x, ηx"),
        (r"$\log P(a \le 3)$", "log P(a ≤ 3)"),
        (r"$$\begin{aligned} a &= b \\ c &= d \end{aligned}$$", "a = b c = d"),
        ("costs $5 and $6", "costs $5 and $6"),
        ("code: '\\n'", "code: '\\n'"),
        ("two\n  lines", "two lines"),
    ],
)
def test_formulas_are_letters_and_all_else_stays(text, letters):
    assert plain(text) == letters


def test_every_letter_is_one_and_has_one_spelling_only_once():
    assert all(len(letter) == 1 for letter in (LETTERS | OTHERS).values()) and not set(LETTERS) & set(OTHERS)
