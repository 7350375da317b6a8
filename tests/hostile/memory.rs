//! Attacks on memory: of the guest, and of the host through what a guest returns, says and shows.

use crate::scene::{Scene, no_target};
use crate::table::{Row, row};

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        row(
            "memory/answer_beyond_memory",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "memory/answer_not_aligned",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "memory/answer_of_host_beyond",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "memory/array_axes",
            "value: the output `out`: an array of 100000 axes; at most 32 are allowed",
            no_target,
        ),
        row(
            "memory/array_boolean",
            "value: the output `out`: a boolean array has bytes other than 0 and 1",
            no_target,
        ),
        row(
            "memory/array_overflow",
            "value: the output `out`: an array of shape [1099511627776, 1099511627776] needs 1844674407*",
            no_target,
        ),
        row(
            "memory/array_short",
            "value: the output `out`: an array of shape [1000000] needs 8000000 bytes and has 8",
            no_target,
        ),
        row(
            "memory/burst",
            "ended: it trapped (wasm trap: wasm `unreachable` instruction executed) after the memory bu*",
            no_target,
        ),
        row(
            "memory/burst_start",
            "not started: it trapped (wasm trap: wasm `unreachable` instruction executed) after the mem*",
            no_target,
        ),
        row(
            "memory/bytes",
            "value: the outputs: 1100059 bytes are more than the 1048576 of the budget `value-size`*",
            no_target,
        ),
        row("memory/case_that_is_not", "ended: it trapped: *", no_target),
        row("memory/code_that_is_not", "ended: it trapped: *", no_target),
        row("memory/defaults", "answered: *", |scene| {
            no_target(scene.budget("cpu-spin-ms", 5_000))
        }),
        row(
            "memory/emit",
            "InvalidInput: 1000002 bytes of JSON are more than the 65536 allowed",
            no_target,
        ),
        row(
            "memory/emit_far",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row("memory/emit_names", "answered: 20", no_target),
        row(
            "memory/error",
            "Internal: \u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}\u{fffd}]0;owned\u{fffd}*",
            no_target,
        ),
        row(
            "memory/error_far",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row("memory/fragments", "answered: true", no_target),
        row("memory/grow", "answered: true", |scene| {
            scene.call("33554432")
        }),
        row("memory/grow_in_realloc", "answered: ", no_target),
        row(
            "memory/json_deep",
            "value: the output `out`: not JSON: recursion limit exceeded*",
            no_target,
        ),
        row(
            "memory/json_malformed",
            "value: the output `out`: not JSON: EOF while parsing a value at line 1 column 5",
            no_target,
        ),
        row("memory/large_from_the_start", "description: *", no_target),
        row("memory/large_table", "description: *", no_target),
        row(
            "memory/last_words",
            "ended: it panicked: \u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa\u{fffd}[2Jaaa*",
            no_target,
        ),
        row(
            "memory/list",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row(
            "memory/list_length",
            "ended: it trapped: list pointer/length out of bounds of memory",
            no_target,
        ),
        row(
            "memory/list_overlaps",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row(
            "memory/list_wraps",
            "ended: it trapped: list pointer/length out of bounds of memory",
            no_target,
        ),
        row("memory/log", "answered: ", no_target),
        row(
            "memory/log_far",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row(
            "memory/log_length",
            "ended: it trapped: string pointer/length out of bounds of memory",
            no_target,
        ),
        row("memory/log_level", "ended: it trapped: *", no_target),
        row("memory/many_memories", "description: *", Scene::describes),
        row(
            "memory/many_tables",
            "description: `describe` failed: *the memory budget (bytes) is used up*",
            no_target,
        ),
        row(
            "memory/media",
            "value: the outputs: 11000* bytes are more than the 1048576 of the budget `value-size`*",
            no_target,
        ),
        row(
            "memory/media_far",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row("memory/memories_together", "answered: ", no_target),
        row(
            "memory/name",
            "value: the outputs: * bytes are more than the 1048576 of the budget `value-size`*",
            no_target,
        ),
        row("memory/print", "answered: ", no_target),
        row(
            "memory/realloc_across_the_end",
            "not started: it trapped: *",
            no_target,
        ),
        row(
            "memory/realloc_beyond_memory",
            "not started: it trapped: *",
            no_target,
        ),
        row(
            "memory/realloc_calls_host",
            "not started: it trapped: *",
            no_target,
        ),
        row(
            "memory/realloc_not_aligned",
            "ended: it trapped: realloc return: result not aligned",
            no_target,
        ),
        row("memory/realloc_of_its_code", "answered: ", no_target),
        row(
            "memory/records",
            "value: the outputs: * bytes are more than the 1048576 of the budget `value-size`*",
            no_target,
        ),
        row(
            "memory/shelf_text",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            Scene::shelves,
        ),
        row(
            "memory/shelves",
            "description: 10000 shelves; at most 256 are allowed",
            Scene::shelves,
        ),
        row("memory/table_grow", "answered: ", no_target),
        row(
            "memory/text",
            "value: the outputs: * bytes are more than the 1048576 of the budget `value-size`*",
            no_target,
        ),
        row("memory/text_at_the_end", "ended: it trapped: *", no_target),
        row(
            "memory/text_beyond_memory",
            "ended: it trapped: *",
            no_target,
        ),
        row(
            "memory/text_far",
            "ended: it trapped: it handed over more at once than the budget `value-size` allows*",
            no_target,
        ),
        row("memory/text_not_utf8", "ended: it trapped: *", no_target),
    ]
}
