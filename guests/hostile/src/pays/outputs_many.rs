//! Answers calls with a hundred and fifty thousand outputs without a name and a value.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(100);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::request_trigger("attack");
        Ok(())
    }

    async fn answer(_to: String) -> Result<Outputs> {
        Ok(vec![(String::new(), Value::None); 150_000])
    }
}
