//! Tells a server that another one is asked.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let request = http::get(format!("http://{to}/")).header("host", "internal.example");
        request.send().await?.text()
    }
}
