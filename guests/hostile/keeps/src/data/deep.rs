//! Makes folders in folders, deeper than a path can say.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut at = folder2();
        for depth in 0..1_000_000 {
            if let Err(error) = at.create_directory_at("d") {
                return Ok(format!("{depth} and {}", error.name()));
            }
            let (how, flags) = (p2::OpenFlags::DIRECTORY, p2::DescriptorFlags::MUTATE_DIRECTORY);
            at = at.open_at(p2::PathFlags::empty(), "d", how, flags).map_err(no2)?;
        }
        Ok("no end".to_owned())
    }
}
