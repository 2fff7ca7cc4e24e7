"""Proof that an assignment is sound: mutants, variants, probes and calibration."""
