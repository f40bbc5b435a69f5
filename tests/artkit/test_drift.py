"""What is told of plugins that are not what they were, from the record of a run and what is in use now."""

from artkit.engine.drift import changed_plugins
from artkit.registry import load_registry, provenance_of


def row(component, sha256, version="1.0"):
    return {"component": component, "version": version, "commit": None, "sha256": sha256}


def test_each_fact_of_a_plugin_that_differs_is_told_once_whatever_the_plugin_provides():
    before = [row("net/one@1", "aaa"), row("net/two@1", "aaa"), row("other/loss@1", "ccc")]
    now = [row("net/two@1", "bbb", version="1.1"), row("other/loss@1", "ccc")]
    assert list(changed_plugins(before, now)) == [
        "net: its version was 1.0, is 1.1",
        "net: its source (sha256) was aaa, is bbb",
    ]


def test_a_digest_that_was_not_there_is_unknown():
    assert list(changed_plugins([row("net/one@1", None)], [row("net/one@1", "bbb")])) == [
        "net: its source (sha256) was unknown, is bbb"
    ]


def test_digests_of_the_files_of_components_are_not_compared_with_that_of_the_plugin():
    before = [row("net/one@1", "file of one"), row("net/two@1", "file of two", version="1.0")]
    assert list(changed_plugins(before, [row("net/one@1", "all files")])) == []
    assert list(changed_plugins(before, [row("net/one@1", "all files", version="1.1")])) == [
        "net: its version was 1.0, is 1.1"
    ]


def test_any_component_of_a_plugin_is_recorded_with_the_same_source(plugin_site, tmp_path):
    package = plugin_site.folder / "drifting_parts"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for kind, name in (("model", "net"), ("loss", "cost")):
        (package / f"{kind}.py").write_text(f"def {name}(ctx): ...\n")
    source = """
        from artkit import hookimpl
        from drifting_parts.loss import cost
        from drifting_parts.model import net

        @hookimpl
        def artkit_models(register):
            register("net", net)

        @hookimpl
        def artkit_losses(register):
            register("cost", cost)
    """
    editable = {"url": f"file://{tmp_path}", "dir_info": {"editable": True}}
    plugin_site.add("artkit-parts", source, direct_url=editable)
    registry = load_registry()
    rows = [provenance_of(registry.component(kind, name), {}) for kind, name in (("model", "net"), ("loss", "cost"))]
    assert None not in {one["sha256"] for one in rows}
    assert [list(changed_plugins(rows, [one])) for one in rows] == [[], []]
