"""Mocap-Body: mocap bodies welded to the mimic sites pull the model in MuJoCo."""

from musclemimic_retarget.mocap_body.pull import PullConfig as PullConfig
from musclemimic_retarget.mocap_body.retargeter import MocapBody as MocapBody
from musclemimic_retarget.mocap_body.retargeter import MocapBodyConfig as MocapBodyConfig
