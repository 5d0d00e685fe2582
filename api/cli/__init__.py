"""The command line, one file a group of commands. Same imports as `api`. Start in `main.py`."""
