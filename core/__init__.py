"""The deterministic rule core: frozen values and pure functions that decide everything Nightshift does.

It imports nothing but the standard library: no clock, no I/O, no async; time and identity are arguments.
Start reading in `alert.py`, then `incident.py`, `diagnosis.py`, `policy.py`, `execution.py` and `verdict.py`.
"""
