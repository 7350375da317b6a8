//! Says ten thousand times that its configuration is another.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let config = |n: &i32| format!(r#"{{"attack":"{n}"}}"#);
        let taken = (0..10_000).filter(|n| raw::set_config(&config(n)).is_ok());
        Ok(format!("{}", taken.count() < 1_000))
    }
}
