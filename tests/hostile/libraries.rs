//! Node libraries, which the Worker keeps without anybody asking: they trap, are huge, or are not alone.

use std::time::Duration;

use crate::house::House;
use crate::pays::listens;
use crate::scene::named;
use crate::table::{Row, housed};
use crate::works::{COMES, comes};

/// How long a library goes on.
const WHILE: Duration = Duration::from_secs(3);
/// Times that one which traps is brought again.
const TIMES: usize = 5;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        housed(
            "says/library_traps",
            None,
            "* is changed*",
            |plan| plan,
            |house| {
                let mut said = String::new();
                for _ in 0..TIMES {
                    said = brings(house, "says/library_traps");
                }
                said
            },
        ),
        housed(
            "says/library_shelf",
            None,
            "served",
            |plan| plan,
            |house| {
                brings(house, "says/library_shelf");
                listens(&mut house.client(), WHILE)
            },
        ),
        housed(
            "says/library_twice",
            None,
            "* cannot be used: its class `hostile` is also one of the module *",
            |plan| plan.attackers(""),
            |house| brings(house, "says/library_twice"),
        ),
    ]
}

fn brings(house: &mut House, attack: &str) -> String {
    house.one_more();
    comes(house, named(attack), COMES)
}
