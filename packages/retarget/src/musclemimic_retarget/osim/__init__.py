"""OpenSim models (.osim): their skeletons, and where bodies and markers are in a motion."""

from musclemimic_retarget.osim.coordinates import CoordinateTable, read_coordinates
from musclemimic_retarget.osim.kinematics import Placed, place
from musclemimic_retarget.osim.model import OsimModel, read_osim

__all__ = ["CoordinateTable", "OsimModel", "Placed", "place", "read_coordinates", "read_osim"]
