"""Doctor: checks what keeps the camera from running on this machine, with the commands that fix it.

It runs without numpy, OpenCV and the engines, since it reports that they are missing.
"""
