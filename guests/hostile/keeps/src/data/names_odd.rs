//! Gives files names that steer terminals, break lines, and are as long as names can be.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let long = "n".repeat(255);
        let names = ["\u{1b}[2J", "a\nb", "back\\slash", "\u{202e}gpj.exe", " ", "-rf", "...", long.as_str()];
        for name in names {
            write2(name, 1)?;
        }
        let listed = files::list("/data").await?;
        Ok(format!("{} of {}", listed.len(), names.len()))
    }
}
