"""report.html: one page that stands alone and shows what a run did, where it errs, and how to repeat it.

    reporter.py    listens to a run, and writes the page at its end
    run_facts.py   what is said of the run as a whole
    results.py     the numbers of one target, as tables and texts show them
    panels.py      the curves: which values are drawn together
    choosing.py    which test images are in the page
    album.py       these images, small, each once
    leftovers.py   pictures and files that other reporters left
    block.py       what the scripts of the page read, as JSON

    page.html.j2   the page; target.html.j2 the part of one target
    style/         how it looks: by daylight and in the dark, from a phone to a wide screen, on paper
    script/        what moves: plain JavaScript, in the order in which page.html.j2 includes it

Without JavaScript there are the same numbers as tables, and the still pictures of the other reporters.
"""
