"""What runs inside an instance, in the model's own environment.

Standard library plus what is there; imports nothing else of hostler, and runs on Python 3.9. It is
loaded under the name ``hostler_modelserver`` there, so every import in it is relative.
"""
