"""Hands: the inventory, the gate, proposals and actuators. It imports `store` and `core`. Start in `proposals.py`."""
