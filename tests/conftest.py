"""Makes this folder importable for the tests below it: ``configurations``, ``oracle`` and ``task_twins`` are shared."""
