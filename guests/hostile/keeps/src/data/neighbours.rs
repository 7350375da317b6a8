//! Looks for the folders of others beside its own.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open2("..", p2::OpenFlags::DIRECTORY, p2::DescriptorFlags::READ).map(|_| "opened".to_owned())
    }
}
