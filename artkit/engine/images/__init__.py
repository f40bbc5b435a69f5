"""Images that a user names, wherever they are: found one after another, never all at once.

found.py      one image that was found, or what cannot be used and why
asked.py      all the images of one command
places.py     what a path or an address means: an image, a tar, a folder, a data set
folders.py    the images of a folder, however deep
tars.py       the images of a tar, read right out of it
lists.py      a list of paths, such as `find` prints
"""
