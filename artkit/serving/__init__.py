"""A trained run answers over HTTP: a page to drop an image on, and the same as JSON.

    limits.py      what a request may take
    refusals.py    why a request gets no answer, in one sentence
    guards.py      the names that it answers to, and headers that bind browsers
    uploads.py     the bytes of an image, out of a request
    neighbours.py  the training works that an image is most like
    service.py     bytes of an image -> what is said about it
    app.py         the routes
    server.py      the port, and connections that are cut off
    packages.py    what must be installed for all this

    page.html.j2, serve.css, serve.js   the page

It needs the extra `serve`.
"""
