"""How well a muscle-driven policy imitates: rollouts, validation tables, pictures, reports.

Names are imported on first use. `evaluate` simulates; everything else works on saved rollouts.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musclemimic_eval.comparison import compare_evaluations as compare_evaluations
    from musclemimic_eval.human.analysis import MotionAnalysis as MotionAnalysis
    from musclemimic_eval.human.analysis import analyse as analyse
    from musclemimic_eval.human.force_files import read_ground_reaction as read_ground_reaction
    from musclemimic_eval.human.recording import read_recording as read_recording
    from musclemimic_eval.human.sources import Recording as Recording
    from musclemimic_eval.inverse import StaticConfig as StaticConfig
    from musclemimic_eval.inverse import static_optimization as static_optimization
    from musclemimic_eval.kinetics.differentiate import differentiate as differentiate
    from musclemimic_eval.kinetics.ground_reaction import GroundReaction as GroundReaction
    from musclemimic_eval.kinetics.inverse_dynamics import InverseDynamics as InverseDynamics
    from musclemimic_eval.kinetics.inverse_dynamics import inverse_dynamics as inverse_dynamics
    from musclemimic_eval.kinetics.placing import place_under as place_under
    from musclemimic_eval.policy_rollout import Evaluation as Evaluation
    from musclemimic_eval.policy_rollout import evaluate as evaluate
    from musclemimic_eval.policy_rollout import load_policy as load_policy
    from musclemimic_eval.reference.comparison import compare as compare
    from musclemimic_eval.reference.curves import load_reference as load_reference
    from musclemimic_eval.render import film_strip as film_strip
    from musclemimic_eval.render import render_frame as render_frame
    from musclemimic_eval.report import ReportInputs as ReportInputs
    from musclemimic_eval.report import write_report as write_report
    from musclemimic_eval.rollout import Rollout as Rollout
    from musclemimic_eval.validation import ValidationTable as ValidationTable
    from musclemimic_eval.validation import validate as validate

_HOMES = {
    "human.analysis": ("MotionAnalysis", "analyse"),
    "human.force_files": ("read_ground_reaction",),
    "human.recording": ("read_recording",),
    "human.sources": ("Recording",),
    "kinetics.differentiate": ("differentiate",),
    "kinetics.ground_reaction": ("GroundReaction",),
    "kinetics.inverse_dynamics": ("InverseDynamics", "inverse_dynamics"),
    "kinetics.placing": ("place_under",),
    "comparison": ("compare_evaluations",),
    "inverse": ("StaticConfig", "static_optimization"),
    "policy_rollout": ("Evaluation", "evaluate", "load_policy"),
    "reference.comparison": ("compare",),
    "reference.curves": ("load_reference",),
    "render": ("film_strip", "render_frame"),
    "report": ("ReportInputs", "write_report"),
    "rollout": ("Rollout",),
    "validation": ("ValidationTable", "validate"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(_HOME_OF)
