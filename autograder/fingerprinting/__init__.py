"""Plays the mutants of an assignment, and makes the catalogue of their answers: what mistakes are named by."""
