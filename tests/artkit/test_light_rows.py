"""Tables that are drawn without rich."""

from artkit.cli.light_rows import light_rows

TABLE = [("plugin", "status", "from"), ("artkit", "", "built in"), ("artkit-vit", "ok", "a long way from here " * 3)]


def test_wide_rows_are_a_table_whose_last_column_wraps():
    assert "\n".join(light_rows(TABLE, 60)).splitlines() == [
        "plugin      status  from",
        "artkit              built in",
        "artkit-vit  ok      a long way from here a long way from",
        "                    here a long way from here",
    ]


def test_in_narrow_terminals_the_last_column_stands_below():
    assert "\n".join(light_rows(TABLE, 40)).splitlines() == [
        "plugin  status",
        "  from",
        "artkit",
        "  built in",
        "artkit-vit  ok",
        "  a long way from here a long way from",
        "  here a long way from here",
    ]
