"""The changes that tests/mutants.py makes."""

from tests.mutants import ROOT, changed_files, describe, find_changes

SOURCE = '''"""A docstring: 1 + 1."""
def f(a: int, β=-1):
    if a < β and not a:
        raise ValueError("2" + "2")
    a -= np.add(a, β)
    return (a) + 2 * β  # 3 - 1
'''


def made(source):
    return [source[: change.start] + change.new + source[change.end :] for change in find_changes(source)]


def test_each_change_is_of_one_place():
    lines = [
        next(new for old, new in zip(SOURCE.splitlines(), changed.splitlines()) if old != new).strip()
        for changed in made(SOURCE)
    ]
    assert lines == [
        "def f(a: int, β=+1):",
        "def f(a: int, β=-2):",
        "if a <= β and not a:",
        "if a < β or not a:",
        "a += np.add(a, β)",
        "a -= np.subtract(a, β)",
        "return (a) - 2 * β  # 3 - 1",
        "return (a) + 3 * β  # 3 - 1",
        "return (a) + 2 / β  # 3 - 1",
    ]


def test_all_changes_are_python():
    changed = [source for file in changed_files() for source in made((ROOT / file).read_text(encoding="utf-8"))]
    assert len(changed) > 500
    for source in changed:
        compile(source, "changed", "exec")


def test_a_change_is_described_by_its_line():
    file = next(file for file in changed_files() if file.name == "clip.py")
    change = find_changes((ROOT / file).read_text(encoding="utf-8"))[0]
    assert describe(file, change).startswith(f"{file}:")
