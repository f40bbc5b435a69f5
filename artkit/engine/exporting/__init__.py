"""Trained models as files that run without artkit: one graph from pixels to logits, and what one must know to use it.

portable.py   the graph: normalisation, model, mirror images and prior in one module
facts.py      what goes with the graph: class names, preprocessing, where it comes from
formats.py    the graph as ONNX or as torch.export wrote it, and running such a file
checking.py   whether a file answers real images as PyTorch does
export.py     all of it together
"""
