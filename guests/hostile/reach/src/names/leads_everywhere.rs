//! Looks up a name with a hundred thousand addresses.

use external_worker::bindings::wasi::sockets::ip_name_lookup::resolve_addresses;

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let found = resolve_addresses("crowd.example".to_owned()).await.map_err(no)?;
        Ok(format!("{} addresses", found.len()))
    }
}
