//! Opens a folder, puts a link to the one above in its place, and reads on.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        std::fs::create_dir("/data/swap")?;
        std::fs::rename("/data/swap", "/data/swapped")?;
        folder2().symlink_at("..", "swap").map_err(no)?;
        read2("/data/swap/secret.txt")
    }
}
