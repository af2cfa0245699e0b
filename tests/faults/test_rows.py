"""Each fault for which something is promised has a test that carries its number."""

from __future__ import annotations

from bench.faults import Row, table
from bench.rows import PROMISES, rows_of, shown_by_file


def test_each_row_has_a_test_and_each_test_a_row() -> None:
    shown = {row for names in shown_by_file().values() for name in names for row in rows_of(name)}
    assert shown == set(PROMISES)


def test_a_name_may_carry_several_rows() -> None:
    assert rows_of("test_F29_F31_nothing_is_half_saved") == {29, 31}
    assert rows_of("test_24_what_is_seen") == set()


def test_the_table_names_what_failed_and_what_nobody_shows() -> None:
    rows = {1: Row(passed=2, seconds=3.4, told=["over 21.0 s after the kill"]), 2: Row(failed=["test_F2_x"])}
    assert list(table(rows, [1, 2, 39]))[2:] == [
        f"| F1 | {PROMISES[1]} | 2 tests in 3 s; over 21.0 s after the kill |",
        f"| F2 | {PROMISES[2]} | FAILED: test_F2_x |",
        f"| F39 | {PROMISES[39]} | not shown by any test |",
    ]
