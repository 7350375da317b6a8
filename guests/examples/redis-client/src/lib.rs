//! A service client: one long-lived connection to a Redis server, shared by all nodes.
//!
//! It needs the grant `sockets` for the server's address. The token is a secret: it is saved, and
//! never exported.

mod resp;

use std::time::Duration;

use external_worker::prelude::*;
use external_worker::timeout;
use resp::{Connection, Reply};

/// Which server, and how to be let in.
#[config]
pub struct RedisConfig {
    /// Name or address of the server.
    #[config(default = "127.0.0.1")]
    host: String,
    /// Its TCP port.
    #[config(default = 6379, ge = 1, le = 65535)]
    port: u32,
    /// What `AUTH` sends; empty: nothing is sent.
    #[config(default = "", export = false)]
    token: String,
    /// Longest wait for an answer, in seconds.
    #[config(default = 2.0, ge = 0.1, le = 60.0)]
    timeout_s: f64,
}

/// A connection that is made when it is first needed, and again after it broke.
#[derive(Default)]
pub struct RedisClient {
    connection: Lock<Option<Connection>>,
    pings: State<i64>,
}

#[external_worker(id = "redis_client", title = "Redis client", config = RedisConfig, loop_delay_ms = 500)]
impl RedisClient {
    /// Notices a broken connection before a node does.
    async fn r#loop(&self) -> Result<()> {
        self.ping().await?;
        self.pings.update(|pings| *pings += 1);
        Ok(())
    }

    /// The next command connects to where the configuration now says.
    async fn update_config(&self) {
        *self.connection.lock().await = None;
    }

    async fn stop(&self) {
        *self.connection.lock().await = None;
    }

    /// Asks the server whether it is there.
    #[node(trigger_on_call = false)]
    async fn ping(&self) -> Result<String> {
        self.command(&[b"PING"]).await?.text()
    }

    /// The value of a key, or nothing.
    #[node]
    async fn get(&self, key: String) -> Result<Option<String>> {
        match self.command(&[b"GET", key.as_bytes()]).await? {
            Reply::Nothing => Ok(None),
            reply => reply.text().map(Some),
        }
    }

    /// Sets a key.
    #[node]
    async fn set(&self, key: String, value: String) -> Result<()> {
        self.command(&[b"SET", key.as_bytes(), value.as_bytes()])
            .await
            .map(drop)
    }

    /// Adds one to a counter and returns it.
    #[node]
    async fn incr(&self, key: String) -> Result<i64> {
        match self.command(&[b"INCR", key.as_bytes()]).await? {
            Reply::Integer(number) => Ok(number),
            _ => Err(Error::internal("the server answered INCR with no number")),
        }
    }

    /// How many of the loop's pings were answered.
    #[node(trigger_on_call = false)]
    fn pings(&self) -> i64 {
        self.pings.get()
    }

    /// One command on the one connection: others wait for their turn.
    async fn command(&self, parts: &[&[u8]]) -> Result<Reply> {
        let limit = Duration::from_secs_f64(self.config().timeout_s);
        let mut slot = self.connection.lock().await;
        let answer = timeout(limit, self.exchange(&mut slot, parts)).await;
        // A server's own error leaves the connection in step; everything else does not.
        if answer.is_err() {
            *slot = None;
        }
        answer?.into_result()
    }

    async fn exchange(&self, slot: &mut Option<Connection>, parts: &[&[u8]]) -> Result<Reply> {
        if slot.is_none() {
            *slot = Some(self.connect().await?);
        }
        match slot {
            Some(connection) => connection.command(parts).await,
            None => Err(Error::unavailable("there is no connection")),
        }
    }

    async fn connect(&self) -> Result<Connection> {
        let config = self.config();
        let connection = Connection::open(&format!("{}:{}", config.host, config.port)).await?;
        if !config.token.is_empty() {
            connection
                .command(&[b"AUTH", config.token.as_bytes()])
                .await?
                .into_result()?;
        }
        log::info!("connected to {}:{}", config.host, config.port);
        Ok(connection)
    }
}

export!(RedisClient; requests: { sockets: "connects to the Redis server" });
