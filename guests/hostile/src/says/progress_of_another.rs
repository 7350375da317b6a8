//! Says how far calls are that are not open, with fractions that are none.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let ids = [1_000, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let fractions = [f64::NAN, -f64::NAN, f64::INFINITY, f64::MIN, -0.0, 1e300];
        for id in ids.into_iter().chain(0..4) {
            for fraction in fractions {
                raw::progress(id, fraction, "");
            }
        }
        Ok(String::new())
    }
}
