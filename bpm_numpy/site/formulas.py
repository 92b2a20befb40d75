"""Formulas in letters: as the search finds them, and as a page's description has them."""

import re

# Of TeX's names, those that a reader may type as well: as the name or as the letter.
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ",
    "nabla": "∇", "partial": "∂", "otimes": "⊗", "tilde": "\N{COMBINING TILDE}",
}  # fmt: skip
OTHERS = {
    "approx": "≈", "cdot": "·", "dots": "…", "ge": "≥", "in": "∈", "le": "≤", "leftarrow": "←", "mapsto": "↦",
    "ne": "≠", "neq": "≠", "pm": "±", "sum": "∑", "to": "→", "top": "⊤", "varepsilon": "ε",
}  # fmt: skip
APART = "⊗≈·≥∈≤←↦≠±→"  # these stand between spaces
SPACE = r"\\(?:[,;! \\]|q?quad(?![a-zA-Z]))|&|\\(?:begin|end)\{[^{}]*\}"
FACE = r"\\(?:math[a-z]+|boldsymbol|operatorname|text|[bB]igg?[lr]?|(?:display|text)style)(?![a-zA-Z])\s*"
ARGUMENT = r"\s*(\w|\{(?:[^{}]|\{[^{}]*\})*\})"


def plain(text):
    """A text in one line, with its formulas in letters. A dollar that begins no formula stays."""
    formula = r"\$\$(.+?)\$\$|\$(?! )([^$]+?)(?<! )\$(?!\d)"
    return " ".join(re.sub(formula, lambda found: in_letters(found[1] or found[2]), text, flags=re.S).split())


def in_letters(formula):
    r"""A formula of TeX as text: ``\alpha\otimes\mathrm{Hebb}`` is ``α ⊗ Hebb``. An unknown name stays as a word."""
    formula = re.sub(SPACE, " ", formula)
    formula = re.sub(FACE, "", re.sub(rf"(?<=\w){FACE}", " ", formula))
    formula = re.sub(rf"\\[td]?frac{ARGUMENT}{ARGUMENT}", r"\1/\2", formula)
    formula = re.sub(r"\\tilde\s*\{?(\w)\}?", rf"\1{LETTERS['tilde']}", formula)
    formula = re.sub(r"\\([a-zA-Z]+)( (?=[\w{\\])|)", _letter, formula)
    return re.sub(rf"\s*([{APART}])\s*", r" \1 ", re.sub(r"[{}]", "", formula))


def _letter(found):
    """What a name of TeX stands for; the space behind a letter only ends its name."""
    name, space = found.groups()
    letter = (LETTERS | OTHERS).get(name.lower())
    if letter is None:
        return f" {name}{space}"
    return letter if name.islower() else letter.upper()
