//! Places in what has a length; negative ones count from the end.

/// Things, or bytes of text, that a node makes at most of nothing: the memory of all nodes together is bounded.
pub const MOST: usize = 100_000;

/// Where `index` is; `None`: there is no such place.
pub fn place(length: usize, index: i64) -> Option<usize> {
    let from_start = match index < 0 {
        true => i64::try_from(length).ok()?.checked_add(index)?,
        false => index,
    };
    let place = usize::try_from(from_start).ok()?;
    (place < length).then_some(place)
}

/// What is from `start` up to `end`, or to the end of it.
pub fn part<T>(all: &[T], start: i64, end: Option<i64>) -> &[T] {
    let length = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let bound = |index: i64| match index < 0 {
        true => length.saturating_add(index).max(0),
        false => index.min(length),
    };
    let end = end.map_or(length, bound);
    let start = bound(start).min(end);
    let bounds = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    all.get(bounds).unwrap_or_default()
}
