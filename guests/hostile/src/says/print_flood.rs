//! Prints a hundred thousand lines.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for line in 0..100_000 {
            println!("line {line}");
        }
        Ok(String::new())
    }
}
