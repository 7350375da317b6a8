//! Makes a file long without writing to it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let file = open2("long", p2::OpenFlags::CREATE, p2::DescriptorFlags::WRITE)?;
        file.set_size(1 << 40).map(done).map_err(no2)
    }
}
