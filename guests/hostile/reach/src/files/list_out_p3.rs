//! Lists the folder above.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::list("/data/up").await.map(|list| format!("{} names", list.len()))
    }
}
