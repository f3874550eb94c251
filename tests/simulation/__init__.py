"""Simulation of the engine's invariants: the real handlers, model agents, and faults everywhere."""
