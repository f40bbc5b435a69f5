from artkit_shards.format.links import linked_names


def test_links_right_into_the_folder_are_its_files():
    page = """<a href="a.tar">a</a> <A class="x" HREF=/set/b%20c.tar?sort=1>b</A> <a
        href='https://host/set/d&amp;e.tar'> <a href=f.tar>"""
    assert linked_names(page, "http://user:pass@host/set") == {"a.tar", "b c.tar", "d&e.tar", "f.tar"}


def test_links_to_anywhere_else_are_not():
    page = "".join(
        f'<a href="{link}">'
        for link in ("../", "..", "sub/", "sub/x.tar", "http://other/set/y.tar", "/z.tar", "mailto:a@b", "http://[x")
    )
    assert linked_names(page + '<a href="..%2F..%2Fetc"><link href="style.css">', "http://host/set") == set()


def test_a_page_made_to_keep_its_reader_busy_does_not():
    for text in ("<a ", "<a href=", "<a href='", "<!--"):
        assert linked_names(text * 100_000, "http://host/set") == set()
