//! Lists a folder again and again and reads none of the lists.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let folder = folder2();
        Ok(hoard2(|| folder.read_directory()))
    }
}
