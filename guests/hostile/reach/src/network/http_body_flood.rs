//! Sends a body that is as large as its memory.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let body = vec![1; 12 << 20];
        http::post(format!("http://{to}/")).body(body).send().await?.text()
    }
}
