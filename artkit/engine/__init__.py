"""The run: builds what a recipe names, trains, evaluates, tells the reporters, and can go on where it was cut off.

job.py            `start` and `resume`: from a recipe or a run folder to a finished run
assembly.py       builds data, model, loss, optimizer and the rest from a recipe
run_notes.py      what the user should know of a run before it begins
balance_notes.py  how the sampler and the loss balance the classes together, or do not
drift.py          what differs between a run that was, and one that is to be like it
starting.py       what a model starts from; weights.py reads files of weights
trainer.py        epochs, steps, selection of the best weights, early stopping
early_ends.py     what may end a run before its last epoch, and where it ended
targets.py        what is learnt, and which outputs of the model are about it
objective.py      what a step lowers: the losses of all targets as one
epoch_loss.py     the loss of a target, told how often the classes are drawn in each epoch
target_notes.py   what the user should hear of targets and missing classes
sampling.py       how often each training image is drawn in an epoch; deferral.py balances in the last epochs only
columns.py        what the data set says of each image beside its class, for samplers that ask
training_loader.py  the images of a run, in sizes that may grow
step_plan.py      which positions of a plan learn together in one optimizer step
step.py           one optimizer step: accumulated, clipped
precision.py      float32 or mixed precision; overlong_strides.py knows models that must not have bf16
memory_layout.py  how a model lies in memory, and layers that cannot bear it
compiling.py      the forward pass of training as compiled code
averaging.py      the moving average of the weights
budget.py         the time that a run may take
state.py          what a checkpoint holds to go on from
keeping.py        when state and best weights are written, and in which order
rate_finder.py    the learning-rate range test; rate_figure.py draws it
data_notes.py     what the user should hear of the loading of images
structure.py      where a model's head is, and the stages before it; finetuning.py lets them stand still or learn slowly
retraining.py     the head of a trained model made anew
features.py       what the head is given for each image, computed once; memory.py says whether there is room
head_input.py     the same, overheard in one forward pass
prior.py          what share of the images each class has; moves logits from one prior to another
heads.py          a factor for each class: learnable weight scaling, tau-normalisation
head_learner.py   trains a head on features
rates.py          sets learning rates to what a schedule says
progress.py       how far a run has come: all that a checkpoint holds beside tensors
atomic.py         files that are replaced in one step
checkpoint.py     tensors and plain values <-> one safetensors file, written atomically
evaluation.py     logits of a split, and scikit-learn's metrics of them
judging.py        what a model said in each target, and what that is worth
open_set/         strangers, and how far probabilities can be believed: scores, thresholds, temperature
saliency.py       where in an image a model finds its answer
preprocessing.py  from a loader's bytes to what a model sees, the same in training and evaluation
augmentation.py   the chain of augmenters and their probability
randomness.py     random numbers keyed by (seed, epoch, position)
resumption.py     whether a run can go on exactly
returned.py       checks of what components return
signals.py        Ctrl-C: stop after the current step
events.py         calls the reporters, each in isolation
folder.py         the run folder: its name, recipe.toml and run.json
machine.py        the machine and the versions that a run was made on
occupation.py     one process at a time in a run folder
trained.py        weights that a run left, with all that is needed to use them
predicting.py     answers images from anywhere with a trained model
naming.py         what it says of an image, in words
answering.py      any number of images answered, in bounded memory
images/           finds the images that a user names
exporting/        models as files that run without artkit
asking.py         asks a trained model about all images of a split
evaluating.py     judges a trained model on a split, of its own data set or of another
evaluation_files.py  what an evaluation leaves
intervals.py      how sure a figure is: bootstrap, McNemar
copies.py         images that training has too
final_answers.py  the test at the end of a run
answers.py        what a model said of a split, kept in a file; stored_images.py finds the images for it
epoch_table.py    the values of every epoch, read again
redrawing.py      a run told to reporters once more, from the files in its folder; wanted_reports.py says to whom
comparison/       runs beside one another
ranks/            several processes that train one model
sweeping.py       one run after another, each resumed or kept
"""
