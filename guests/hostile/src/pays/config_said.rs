//! Says all the time that its configuration is another, of thousands of dictionaries.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let config = format!(r#"{{"attack":"pays/config_said","more":{}}}"#, objects(60_000));
        let _ = raw::set_config(&config);
        Ok(())
    }
}
