//! The class of probe-upgrade, in a version that does not start.

use external_worker::prelude::*;

/// Nothing to set.
#[config]
pub struct UpgradeConfig {}

/// Never seen.
#[derive(Default)]
pub struct Upgrade {}

#[external_worker(id = "upgrade", config = UpgradeConfig)]
impl Upgrade {
    async fn start(_ctx: Context<UpgradeConfig>) -> Result<Self> {
        Err(Error::unavailable("this version does not start"))
    }

    async fn r#loop(&self) {}

    async fn save(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn restore(&self, _state: Vec<u8>) -> Result<()> {
        Ok(())
    }

    /// Never called.
    #[node]
    fn bump(&self, by: i64) -> i64 {
        by
    }
}

export!(Upgrade; state);
