"""One notation: the formulas of a chapter have no letter that notebooks/NOTATION.md does not list for it."""

import re

import nbformat
import pytest

from bpm_numpy.files import read_text
from bpm_numpy.site.notebooks import FOLDER, find_notebooks

PATHS = find_notebooks()
NUMBERS = [path.name[:2] for path in PATHS]
ACCENTS = "tilde|hat|bar|dot|vec|overline|widehat|widetilde|mathbb|mathcal|mathbf|boldsymbol"
GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell"
).split()
# Words, names of environments, and labels, none of which is a letter of a formula.
WORDS = re.compile(r"\\(?:text|textbf|texttt|operatorname|begin|end|tag|mathrm)\*?\s*\{[^{}]*\}|\\mathrm\s+\w")


def formulas(markdown):
    """The TeX between dollars, without what stands in code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.S)
    return " ".join(display or inline for display, inline in re.findall(r"\$\$(.*?)\$\$|\$([^$]+)\$", text, re.S))


def letters(tex):
    """set of the letters of a formula; one with an accent or a face of its own is a letter of its own: r"\\bar E"."""
    found = set()

    def take(match):
        found.add(f"\\{match[1]} {match[2]}")
        return " "

    accented = rf"\\({ACCENTS})(?![A-Za-z])\s*\{{?\s*(\\[A-Za-z]+|[A-Za-z])(?![A-Za-z])"
    tex = re.sub(accented, take, WORDS.sub(" ", tex))
    commands = set(re.findall(r"\\([A-Za-z]+)", tex))
    plain = re.sub(r"\\[A-Za-z]+", " ", tex)
    return found | {f"\\{name}" for name in commands & set(GREEK)} | set(re.findall(r"[A-Za-z]", plain))


def listed(page):
    """dict: number of a chapter -> the letters that the page's tables list for it."""
    allowed = {number: set() for number in NUMBERS}
    for row in re.findall(r"^\| (\$.*) \|$", page, re.M):
        cells = [cell.strip() for cell in row.split(" | ")]
        for number in NUMBERS if cells[-1] == "all" else expand(cells[-1]):
            if number in allowed:
                allowed[number] |= letters(formulas(cells[0]))
    return allowed


def expand(chapters):
    """["06", "12", "13"] of "06, 12–13"; ValueError for anything else."""
    found = []
    for part in chapters.split(", "):
        if not re.fullmatch(r"\d\d(–\d\d)?", part):
            raise ValueError(f"chapters: expected numbers as '06, 12–19', or 'all', got {chapters!r}")
        found += [f"{number:02d}" for number in range(int(part[:2]), int(part[-2:]) + 1)]
    return found


PAGE = read_text(FOLDER / "NOTATION.md")
LISTED = listed(PAGE)


def used(path):
    cells = nbformat.read(path, as_version=4).cells
    return letters(formulas("\n".join(cell.source for cell in cells if cell.cell_type == "markdown")))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_chapter_has_no_letter_against_the_page(path):
    against = used(path) - LISTED[path.name[:2]]
    assert not against, sorted(against)


def test_letters_are_told_from_words_commands_and_accents():
    assert letters(r"\tilde W_{ij}(t) = w_{ij} + \alpha_{ij}\,\mathrm{Hebb}_{ij}(t)") == {
        *"ijtw", r"\tilde W", r"\alpha"}  # fmt: skip
    assert letters(r"\text{(b)}\qquad \mathrm d\bar{E} = \frac12 \sum_k \eta x_k + \dots") == {
        *"kx",
        r"\bar E",
        r"\eta",
    }
    assert formulas("`$a$` and $b$\n```\n$c$\n```\n$$d\n+ e$$").split() == ["b", "d", "+", "e"]


def test_a_letter_is_listed_for_its_chapters_only():
    page = "| $h_t$ | `h` | | activity | all |\n| $\\kappa$ | | | bound | 03, 05–06 |\n"
    assert listed(page)["04"] == {"h", "t"} and listed(page)["06"] == {"h", "t", r"\kappa"}
    with pytest.raises(ValueError, match="chapters: expected"):
        listed("| $h_t$ | `h` | | activity | some |")


def test_the_page_keeps_its_own_rules():
    everywhere = set.union(*LISTED.values())
    assert not everywhere & {r"\epsilon", r"\varepsilon", r"\theta", r"\bar E", r"\hat E"}
    assert [number for number in NUMBERS if r"\kappa" in LISTED[number]] == ["11"]
    assert [number for number in NUMBERS if "G" in LISTED[number]] == ["06", "12"]
