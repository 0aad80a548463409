"""Benchmarks of MuscleMimic; `python benchmarks/run.py --help`."""
