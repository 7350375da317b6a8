//! Pauses and resumes its loop a hundred thousand times.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..100_000 {
            raw::pause();
            raw::resume_in(n);
        }
        Ok(String::new())
    }
}
