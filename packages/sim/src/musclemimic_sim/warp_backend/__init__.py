"""MuJoCo Warp backend: all worlds on a CUDA device, or (for tests) on Warp's CPU device.

Needs the extra `musclemimic-sim[warp]`.
"""

from musclemimic_sim.warp_backend.simulator import WarpSimulator as WarpSimulator
