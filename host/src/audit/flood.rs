//! Holding back what one source repeats, so that a guest which is denied a million times fills no disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::record::Kind;

/// So many of a kind pass at once.
const BURST: u32 = 20;
/// After that, one in this time.
const PAUSE: Duration = Duration::from_secs(1);

/// Lets 20 records of a kind through at once and one each second after that, and counts the others.
///
/// A source, an instance for example, owns one; nothing is kept of anybody else's, nor of kinds that do not happen. It is asked before the
/// record is made, so that what is held back costs next to nothing:
///
/// ```
/// # use std::time::Instant;
/// # use external_worker_host::audit::{Flood, Kind, Record};
/// # let flood = Flood::default();
/// if let Some(more) = flood.admit(Kind::Denied, Instant::now()) {
///     let record = Record::new(Kind::Denied).what("open /etc/passwd").more(more);
///     // log.append(record)
/// }
/// ```
#[derive(Debug, Default)]
pub struct Flood(Mutex<Vec<(Kind, Bucket)>>);

#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    /// When it is full again. Each record that passes moves it by a pause.
    full_at: Option<Instant>,
    held_back: u64,
}

impl Flood {
    /// Whether a record of the kind passes now; with how many more were held back since the last that did.
    pub fn admit(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.iter().position(|(it, _)| *it == kind);
        let at = known.unwrap_or_else(|| {
            buckets.push((kind, Bucket::default()));
            buckets.len() - 1
        });
        let (_, bucket) = buckets.get_mut(at)?;
        let full_at = bucket.full_at.map_or(now, |at| at.max(now)) + PAUSE;
        if full_at.duration_since(now) > PAUSE * BURST {
            bucket.held_back = bucket.held_back.saturating_add(1);
            return None;
        }
        bucket.full_at = Some(full_at);
        Some(std::mem::take(&mut bucket.held_back))
    }

    /// What is still held back, by kind: for a last record when the source ends. It counts from 0 again.
    pub fn drain(&self) -> Vec<(Kind, u64)> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |(kind, bucket): &mut (Kind, Bucket)| {
            let held_back = std::mem::take(&mut bucket.held_back);
            (held_back > 0).then_some((*kind, held_back))
        };
        buckets.iter_mut().filter_map(held).collect()
    }
}
