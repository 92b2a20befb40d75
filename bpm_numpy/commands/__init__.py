"""The commands of ``python -m bpm_numpy``, one module each: ``add_arguments(parser)`` and ``run(arguments)``."""
