//! Opens a port whose name clears the screen.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("\x1b[2Jbench", 9600).await.map(name)
    }
}
