"""Strangers: images that belong to none of the classes a model knows; and how far its probabilities can be believed.

scores.py       how strange an image is: one function of logits or features for each score
threshold.py    the score up to which images are accepted
temperature.py  what logits are divided by, so that probabilities say how often they are right
figures.py      how well a score tells strangers from known images, and right answers from wrong ones
calibration.py  temperature and thresholds of a run, fitted to its validation images; calibration.json
bank.py         features of the training images, which `knn` compares with; features.safetensors
features.py     what the head of a trained model is given for each image of a split
strangers.py    the split 'unknown': whose images training never saw
judgement.py    all scores of a judged split and of strangers, in one target
table.py        unknown.csv, what was said of each stranger
ending.py       all of it at the end of a run
rule.py         the rule by which a finished run calls images unknown
fitted.py       the temperatures of a finished run

Shapes: `N` images, `M` strangers or images of a bank, `K` classes, `D` features.
"""
