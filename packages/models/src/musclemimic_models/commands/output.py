"""JSON on stdout."""

import json
import sys

from musclemimic_models.files import jsonable


def print_json(value: object) -> None:
    """Print one JSON document and nothing else."""
    sys.stdout.write(json.dumps(jsonable(value), indent=2) + "\n")
