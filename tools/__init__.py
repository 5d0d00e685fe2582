"""Eyes (`read/`), hands (`act/`) and voice (`notify/`): what Nightshift looks at, does and says.

It imports `store` and `core`, never another room. Start reading in `act/proposals.py` for the way to an action.
"""
