"""Runs beside one another: final figures, what differs between their recipes, and whether a difference is real.

results.py     what the folder of a run tells
recipes.py     what differs between recipes; runs that differ by their seed alone are a group
pairs.py       two runs on the same images: paired intervals, McNemar's test
comparing.py   all of it: `compare`
summary.py     a row a run, as CSV
figure.py      the curves of all runs, one over the other
looks.py       the colours and marks of their lines
"""
