//! Sends headers that are between two machines only.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let request = http::get(format!("http://{to}/")).header("transfer-encoding", "chunked");
        request.send().await?.text()
    }
}
