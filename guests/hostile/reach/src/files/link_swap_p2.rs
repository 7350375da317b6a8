//! Opens a folder, puts a link to the one above in its place, and reads on.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().create_directory_at("swap").map_err(no2)?;
        folder2().rename_at("swap", &folder2(), "swapped").map_err(no2)?;
        folder2().symlink_at("..", "swap").map_err(no2)?;
        read2("swap/secret.txt")
    }
}
