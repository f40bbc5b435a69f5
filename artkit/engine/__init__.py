"""The run: builds what a recipe names, trains, evaluates, tells the reporters, and can go on where it was cut off.

job.py            `start` and `resume`: from a recipe or a run folder to a finished run
assembly.py       builds data, model, loss, optimizer and the rest from a recipe
trainer.py        epochs, steps, selection of the best weights, early stopping, checkpoints
data_notes.py     what the user should hear of the loading of images
progress.py       how far a run has come: all that a checkpoint holds beside tensors
checkpoint.py     tensors and plain values <-> one safetensors file, written atomically
evaluation.py     logits of a split, and scikit-learn's metrics of them
preprocessing.py  from a loader's bytes to what a model sees, the same in training and evaluation
augmentation.py   the chain of augmenters and their probability
randomness.py     random numbers keyed by (seed, epoch, position)
resumption.py     whether a run can go on exactly
returned.py       checks of what components return
signals.py        Ctrl-C: stop after the current step
events.py         calls the reporters, each in isolation
folder.py         the run folder: its name, recipe.toml and run.json
"""
