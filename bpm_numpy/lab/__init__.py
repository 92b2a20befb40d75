"""Experiments: the settings of each task, runs in folders, comparisons over seeds, and interventions."""
