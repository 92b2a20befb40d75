"""Figures: every function takes data and returns a matplotlib Figure; none computes or draws at import.

``style`` holds what they share; the other modules are named after what they draw. ``python -m bpm_numpy
figures`` rewrites the folder figures/ with them.
"""
