"""A laboratory's own recordings: force plates, markers, joint coordinates."""
