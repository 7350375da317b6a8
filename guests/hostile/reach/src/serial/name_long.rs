//! Opens a port whose name is a megabyte long.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open(&"a".repeat(1 << 20), 9600).await.map(name)
    }
}
