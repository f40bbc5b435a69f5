"""Drawing: what pictures of runs and of data sets have in common. Plugins may use it.

tiles.py    sheets of images with captions
figures.py  the look of figures
files.py    files that are whole or not there
"""
