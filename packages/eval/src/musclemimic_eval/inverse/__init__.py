"""The inverse route: from motion and ground reaction to muscles, joint loads and energy."""

from musclemimic_eval.inverse.contact import JointContact as JointContact
from musclemimic_eval.inverse.metabolics import MetabolicPower as MetabolicPower
from musclemimic_eval.inverse.static import MuscleSolution as MuscleSolution
from musclemimic_eval.inverse.static import StaticConfig as StaticConfig
from musclemimic_eval.inverse.static import static_optimization as static_optimization
