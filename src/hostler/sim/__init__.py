"""The simulated world: the real control plane in virtual time, with faults that a seed decides."""
