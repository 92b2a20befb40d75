"""What the package offers under its own name. It is loaded when the first of it is asked for: see ``bpm_numpy``."""
# ruff: noqa: F401

from .network import PlasticNetwork
from .plugins import register, register_network, register_setting, register_study
from .proof.gradcheck import gradcheck
from .proof.pairs import check_jvp, check_vjp
from .proof.parts import check_cell, check_modulator, check_rule
from .proof.report import GradientCheckError
from .proof.tasks import check_task
from .proof.ways import compare_ways
from .state import State
