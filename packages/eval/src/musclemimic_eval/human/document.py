"""A recorded trial's numbers as plain values."""

from musclemimic_eval.gait_page.document import gait_document, residuals
from musclemimic_eval.human.analysis import MotionAnalysis
from musclemimic_eval.reference.comparison import Comparison


def document(analysis: MotionAnalysis, comparison: Comparison | None) -> dict[str, object]:
    """Everything the report says, as nested plain values; angles in deg, the rest SI."""
    kinetics = analysis.kinetics
    own: dict[str, object] = {"belt_m_per_s": analysis.recording.belt, "kinetics": None}
    if kinetics is not None:
        own["kinetics"] = {
            "length_scale": kinetics.placement.length_scale,
            "force_scale": kinetics.placement.force_scale,
            **residuals(kinetics.result),
        }
    return gait_document(analysis, comparison) | own
