//! Asks a hundred times at once, and none is answered.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let url = format!("http://{to}/never");
        let answers = all((0..100).map(|_| ask("GET", &url))).await;
        Ok(format!("{} answers", answers.iter().filter(|answer| answer.is_ok()).count()))
    }
}
