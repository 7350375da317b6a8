//! Answers a call now and then with a megabyte that is a hundred as a tree.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(6_000);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::request_trigger("attack");
        Ok(())
    }

    async fn answer(_to: String) -> Result<Outputs> {
        out(Value::Json(objects(1_000_000)))
    }
}
