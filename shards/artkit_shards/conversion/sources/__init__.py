"""Where images come from: folders and tables -> records.

A source is iterable and yields one `Record` an image. After that, `notes()` says what the user should know, and
`rejects()` names what cannot be used, such as rows of a table whose file is missing. (Tars are read by
`indexing.tar_samples`, which needs to know how they tell classes.)

class_folders.py    `ClassFolders`: a folder for each class
label_table.py      `LabelTable`: a folder of images, and a table that tells their classes
metadata_folder.py  `MetadataFolder`: image folders as Hugging Face has them
recognising.py      `recognise`: which of them reads a folder

listing.py          what lies in a folder or at an address
images.py           the images among it
copies.py           second copies such as resized/
names.py            names of classes and columns; garbled ones
splits.py           words for splits
tables/             tables in files, row by row
columns.py          which columns say what
finder.py           images by the names that tables give them
claims.py           what rows say of images
table_images.py     rows and images -> records
"""
