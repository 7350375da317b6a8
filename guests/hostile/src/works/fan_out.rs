//! Answers as often as it can where a thousand inputs take what it answers.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::request_trigger("attack");
        Ok(())
    }

    async fn call(_to: String) -> Result<String> {
        Ok("all of you".to_owned())
    }
}
