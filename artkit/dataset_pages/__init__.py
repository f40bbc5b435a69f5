"""Pages about a data set: pictures of what is in it, and a page that shows them.

pictures.py         writes them all
class_histogram.py  images of each class, from 2 classes to thousands
size_figure.py      widths and heights
sample_sheet.py     some images of each class
page.py             one HTML page with figures and numbers
"""
