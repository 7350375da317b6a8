//! What comes in and takes its time: bodies, and messages that are long. Each has to come at a rate; all
//! of a server hold only so much together. When that is not enough, the slowest ends, so that what does
//! not come keeps nothing from what does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// For so long nothing can be told of how fast something comes.
const NEW: Duration = Duration::from_secs(1);

/// After so long what came counts half. It is short, so that what came in one burst, and then no more, is
/// soon slower than what goes on coming.
const HALVES: Duration = Duration::from_millis(250);

/// Everything that comes in at one server.
#[derive(Debug)]
pub struct Arrivals {
    all: Mutex<All>,
    grace: Duration,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self::with_grace(limits::ARRIVAL_GRACE)
    }
}

#[derive(Debug, Default)]
struct All {
    places: HashMap<u64, Place>,
    held: usize,
    next: u64,
}

#[derive(Debug)]
struct Place {
    began: Instant,
    /// What came of late: of what came [`HALVES`] ago, half; as it was at `counted`.
    recent: f64,
    counted: Instant,
    held: usize,
    /// All of it came: it ends soon, by itself.
    is_whole: bool,
    end: CancellationToken,
}

/// Why something does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Late {
    /// It comes too slowly.
    #[error("it came too slowly, or not at all")]
    Slow,
    /// There is no room, and it was the slowest.
    #[error("too much comes in at once; try again")]
    Crowded,
}

/// One thing on its way in; what it holds is given back when it is dropped.
#[derive(Debug)]
pub struct Arrival {
    arrivals: Arc<Arrivals>,
    began: Instant,
    bytes: u64,
    is_whole: bool,
    /// Only of what is not small.
    place: Option<(u64, CancellationToken)>,
}

impl Arrivals {
    /// Where what comes may take `grace` longer than its rate.
    pub fn with_grace(grace: Duration) -> Self {
        Self {
            all: Mutex::default(),
            grace,
        }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something begins to come. It takes a place when it holds something.
    pub fn begin(self: &Arc<Self>) -> Arrival {
        Arrival {
            arrivals: Arc::clone(self),
            began: Instant::now(),
            bytes: 0,
            is_whole: false,
            place: None,
        }
    }
}

impl Arrival {
    /// Waits for more of it, as long as it may take.
    ///
    /// # Errors
    /// [`Late`]; then it is over.
    pub async fn next<T>(&self, more: impl Future<Output = T>) -> Result<T, Late> {
        let more = timeout_at(self.deadline(), more);
        let more = match &self.place {
            None => more.await,
            Some((_, end)) => tokio::select! {
                biased;
                () = end.cancelled() => return Err(Late::Crowded),
                more = more => more,
            },
        };
        more.map_err(|_elapsed| Late::Slow)
    }

    fn deadline(&self) -> Instant {
        let worth = Duration::from_secs(self.bytes / limits::ARRIVAL_BYTES_PER_SECOND);
        self.began + self.arrivals.grace + worth
    }

    /// So many bytes of it came.
    pub fn came(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if let Some((number, _)) = &self.place
            && let Some(place) = self.arrivals.all().places.get_mut(number)
        {
            let now = Instant::now();
            place.recent = place.recent_at(now) + bytes as f64;
            place.counted = now;
        }
    }

    /// It holds so much from now on, all together. What is slower may have to end for it.
    ///
    /// # Errors
    /// [`Late::Crowded`].
    pub fn hold(&mut self, bytes: usize) -> Result<(), Late> {
        let mut all = self.arrivals.all();
        let number = match &self.place {
            Some((number, _)) => *number,
            None => {
                let (number, end) = all.enter(self)?;
                self.place = Some((number, end));
                number
            }
        };
        all.hold(number, bytes)
    }

    /// All of it is there; nothing makes it end any more.
    pub fn set_whole(&mut self) {
        self.is_whole = true;
        if let Some((number, _)) = &self.place
            && let Some(place) = self.arrivals.all().places.get_mut(number)
        {
            place.is_whole = true;
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if let Some((number, _)) = &self.place {
            self.arrivals.all().remove(*number);
        }
    }
}

impl All {
    fn enter(&mut self, arrival: &Arrival) -> Result<(u64, CancellationToken), Late> {
        while self.places.len() >= limits::MAX_ARRIVALS {
            let slowest = self.slowest().ok_or(Late::Crowded)?;
            self.end(slowest);
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        let end = CancellationToken::new();
        let place = Place {
            began: arrival.began,
            recent: arrival.bytes as f64,
            counted: Instant::now(),
            held: 0,
            is_whole: arrival.is_whole,
            end: end.clone(),
        };
        self.places.insert(number, place);
        Ok((number, end))
    }

    fn hold(&mut self, number: u64, bytes: usize) -> Result<(), Late> {
        let held = |all: &Self| all.places.get(&number).map(|place| place.held);
        let before = held(self).ok_or(Late::Crowded)?;
        let fits = |all: &Self| {
            all.held.saturating_sub(before).saturating_add(bytes) <= limits::MAX_ARRIVING_BYTES
        };
        while !fits(self) {
            match self.slowest() {
                Some(slowest) if slowest != number => self.end(slowest),
                _ => return Err(Late::Crowded),
            }
        }
        if let Some(place) = self.places.get_mut(&number) {
            place.held = bytes;
        }
        self.held = self.held.saturating_sub(before).saturating_add(bytes);
        Ok(())
    }

    /// The one of which least came of late; of equals the oldest. Those that have just begun come last, and
    /// the oldest of them first: of two bursts the later one is not the slower one.
    fn slowest(&self) -> Option<u64> {
        let now = Instant::now();
        let is_new = |place: &Place| now.saturating_duration_since(place.began) < NEW;
        let coming = self.places.iter().filter(|(_, place)| !place.is_whole);
        let slowest = coming.min_by(|(a, one), (b, other)| {
            let by_age = (one.began, a).cmp(&(other.began, b));
            match (is_new(one), is_new(other)) {
                (true, true) => by_age,
                (false, false) => {
                    let by_recent = one.recent_at(now).total_cmp(&other.recent_at(now));
                    by_recent.then(by_age)
                }
                (one, other) => one.cmp(&other),
            }
        });
        slowest.map(|(number, _)| *number)
    }

    fn end(&mut self, number: u64) {
        if let Some(place) = self.remove(number) {
            place.end.cancel();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Place> {
        let place = self.places.remove(&number)?;
        self.held = self.held.saturating_sub(place.held);
        Some(place)
    }
}

impl Place {
    fn recent_at(&self, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.counted);
        self.recent * 0.5_f64.powf(since.div_duration_f64(HALVES))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn what_does_not_come_ends_and_what_comes_may_take_its_time() {
        let grace = Duration::from_millis(50);
        let arrivals = Arc::new(Arrivals::with_grace(grace));
        let silent = arrivals.begin();
        assert_eq!(silent.next(pending::<()>()).await, Err(Late::Slow));
        let mut steady = arrivals.begin();
        for _ in 0..10 {
            steady.came(60 * limits::ARRIVAL_BYTES_PER_SECOND as usize);
            steady.next(tokio::time::sleep(grace)).await.unwrap();
        }
        let mut trickle = arrivals.begin();
        while trickle.next(tokio::time::sleep(grace / 10)).await.is_ok() {
            trickle.came(1);
        }
        assert!(trickle.bytes < 100, "{}", trickle.bytes);
    }

    #[tokio::test]
    async fn the_slowest_ends_for_what_comes() {
        let arrivals = Arc::<Arrivals>::default();
        let mut half_sent: Vec<_> = (0..4).map(|_| arrivals.begin()).collect();
        for arrival in &mut half_sent {
            arrival.began -= Duration::from_secs(5);
            arrival.came(1000);
            arrival.hold(limits::MAX_ARRIVING_BYTES / 4).unwrap();
        }
        let mut quick = arrivals.begin();
        quick.came(100_000);
        quick.hold(limits::MAX_ARRIVING_BYTES / 2).unwrap();
        let ended: Vec<_> = half_sent
            .iter()
            .map(|arrival| arrival.place.as_ref().unwrap().1.is_cancelled())
            .collect();
        assert_eq!(ended, [true, true, false, false]);
        let next = half_sent[0].next(pending::<()>()).await;
        assert_eq!(next, Err(Late::Crowded));
        assert_eq!(half_sent[0].hold(1), Err(Late::Crowded));
        // It gives way to no one when it is whole, and nobody gives way to who is slower.
        quick.set_whole();
        let mut slow = arrivals.begin();
        slow.began -= Duration::from_secs(5);
        assert_eq!(slow.hold(1), Err(Late::Crowded));
        drop((half_sent, quick, slow));
        assert_eq!(arrivals.all().held, 0);
        assert!(arrivals.all().places.is_empty());
    }

    /// So much time passes for all of them.
    fn pass(arrivals: &Arrivals, time: Duration) {
        for place in arrivals.all().places.values_mut() {
            place.began -= time;
            place.counted -= time;
        }
    }

    #[tokio::test]
    async fn bursts_that_came_just_now_keep_out_nobody_who_comes_later() {
        let arrivals = Arc::<Arrivals>::default();
        let burst = limits::MAX_ARRIVING_BYTES / 8;
        let mut half_sent: Vec<_> = (0..8).map(|_| arrivals.begin()).collect();
        for arrival in &mut half_sent {
            arrival.came(burst);
            arrival.hold(burst).unwrap();
        }
        let mut comes = arrivals.begin();
        comes.came(1);
        comes.hold(1).unwrap();
        // A megabyte a second, for as long as it takes to need the room of another one.
        for part in 1..30 {
            pass(&arrivals, Duration::from_millis(100));
            comes.came(100_000);
            comes.hold(burst * part / 20).unwrap();
        }
        let is_ended = |arrival: &Arrival| arrival.place.as_ref().unwrap().1.is_cancelled();
        assert_eq!(half_sent.iter().filter(|one| is_ended(one)).count(), 2);
    }

    #[tokio::test]
    async fn there_are_so_many_and_what_never_comes_takes_no_place_for_long() {
        let arrivals = Arc::<Arrivals>::default();
        let mut never = Vec::new();
        for _ in 0..limits::MAX_ARRIVALS {
            let mut arrival = arrivals.begin();
            arrival.hold(0).unwrap();
            never.push(arrival);
        }
        let mut comes = arrivals.begin();
        comes.hold(0).unwrap();
        assert!(never[0].place.as_ref().unwrap().1.is_cancelled());
        assert_eq!(arrivals.all().places.len(), limits::MAX_ARRIVALS);
    }
}
