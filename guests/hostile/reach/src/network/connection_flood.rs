//! Connects a thousand times and keeps every connection.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let mut held = Vec::new();
        loop {
            match TcpStream::connect(&to).await {
                Ok(stream) => held.push(stream),
                Err(error) => return Ok(format!("{} and {:?}", held.len(), error.code())),
            }
        }
    }
}
