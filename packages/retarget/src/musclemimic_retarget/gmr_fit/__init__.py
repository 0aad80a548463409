"""GMR-Fit: human motion to muscle model by fitted targets and bounded inverse kinematics."""

from musclemimic_retarget.gmr_fit.config import GMRFitConfig as GMRFitConfig
from musclemimic_retarget.gmr_fit.retargeter import GMRFit as GMRFit
