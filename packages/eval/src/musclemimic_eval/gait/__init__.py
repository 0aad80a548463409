"""Walking and running in events, cycles and spatiotemporal numbers."""
