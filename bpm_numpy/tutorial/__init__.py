"""What the notebooks run: one module a chapter, with its experiments and the figures it gives to figures/.

An experiment takes a Generator and returns data; ``bpm_numpy.figures`` draws data. A module's ``FIGURES`` maps
the name of a file in figures/ to a function without arguments that makes the Figure.
"""
