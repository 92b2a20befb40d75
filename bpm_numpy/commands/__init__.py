"""The commands of ``python -m bpm_numpy``, one module each.

``HELP`` and ``EXAMPLES`` for ``--help``, ``add_arguments(parser)``, ``run(arguments)`` -> exit code, and ``TYPED``: the
name of an argument, as the package's functions have it -> how it is typed, where that is not an option of the same
name. ``run`` raises what the functions raise; ``messages`` makes a line of it.
"""
