"""The doors: everything that people and machines touch, over HTTP and on the command line.

It may import everything below it; nothing imports it. Start reading in `app.py`, then `cli/main.py`.
"""
