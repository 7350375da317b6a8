//! Makes as many sets of HTTP headers as it may, each as large as it may be, and keeps them.

use wasip2::http::types::Fields;

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        let value = vec![b'x'; 1_000];
        for _ in 0..700 {
            let fields = Fields::new();
            while fields.append("x", &value).is_ok() {}
            std::mem::forget(fields);
        }
        raw::log(raw::Level::Info, "all there");
        Ok(())
    }
}
