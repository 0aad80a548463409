"""BVH files: text to numbers, forward kinematics, and a skeleton map to SMPL joint names."""

from musclemimic_retarget.bvh.read import read_bvh as read_bvh
