//! Counts its calls, and takes the count along over restarts and to new versions of its code.

use external_worker::prelude::*;

/// Nothing to set.
#[config]
pub struct UpgradeConfig {}

/// The count.
#[derive(Default)]
pub struct Upgrade {
    count: State<i64>,
}

#[external_worker(id = "upgrade", config = UpgradeConfig, loop_delay_ms = 1000)]
impl Upgrade {
    async fn r#loop(&self) {}

    async fn save(&self) -> Result<Vec<u8>> {
        Ok(self.count.get().to_le_bytes().to_vec())
    }

    async fn restore(&self, state: Vec<u8>) -> Result<()> {
        let bytes = state.try_into();
        let bytes = bytes.map_err(|_| Error::invalid_input("not eight bytes"))?;
        self.count.set(i64::from_le_bytes(bytes));
        Ok(())
    }

    /// One more; how many so far.
    #[node]
    async fn bump(&self, by: i64) -> i64 {
        // Calls overlap, and a swap finds some of them under way.
        sleep(std::time::Duration::from_millis(1)).await;
        self.count.update(|count| {
            *count += by;
            *count
        })
    }
}

export!(Upgrade; state);
