"""The examiner: the demo's real services, the scripted model, benchmarks; later recorded incidents and their replay.

It may import everything below the doors, never `api`. Start reading in `demo/story.py`, then `scripted_model.py`.
"""
