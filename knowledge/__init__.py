"""The memory: past fixes in five elements, found again by signature, words and vectors, and learned success rates.

It imports `store` and `core`, never another room. Start reading in `memory.py`, then `records.py`.
"""
