"""Placeholder filled in below."""
