"""Images that show the same picture: how they are found, and what is told of them.

thumbnail.py   what a picture looks like, in 304 bytes
likeness.py    how alike two pictures are; codes that bring alike ones together
hamming.py     codes that differ in few bits, without comparing all with all
groups.py      what is joined by pairs is one group
finding.py     the clusters of a set of images, and which images can be dropped
leakage.py     how many there are, and what is wrong with them
page.py        `leakage.html`, which shows them
"""
