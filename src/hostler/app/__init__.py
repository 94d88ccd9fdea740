"""The composition root: settings, clock, wiring, processes, signals."""
