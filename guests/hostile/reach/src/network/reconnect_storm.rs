//! Connects and hangs up five hundred times.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        for _ in 0..500 {
            TcpStream::connect(&to).await?;
        }
        Ok("done".to_owned())
    }
}
