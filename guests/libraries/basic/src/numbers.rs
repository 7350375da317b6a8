//! What is computed of numbers: a result that is none is an error, and never travels on.

use external_worker::{Error, NdArray, Result};

/// An input that the node cannot take.
pub fn invalid(problem: &str) -> Error {
    Error::invalid_input(problem)
}

/// `x`, unless it is infinite or no number.
pub fn finite(x: f64) -> Result<f64> {
    match x.is_finite() {
        true => Ok(x),
        false => Err(invalid("the result is no finite number")),
    }
}

/// How many there are, as a value.
pub fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// An array of one dimension.
pub fn line(data: Vec<f64>) -> Result<NdArray<f64>> {
    NdArray::new([data.len()], data)
}

/// The sum of `data` by its length.
pub fn mean(data: &[f64]) -> Result<f64> {
    not_empty(data)?;
    finite(data.iter().sum::<f64>() / data.len() as f64)
}

/// The mean of the squares of the distances from the mean.
pub fn variance(data: &[f64]) -> Result<f64> {
    let mean = mean(data)?;
    let squares = data.iter().map(|x| (x - mean).powi(2));
    finite(squares.sum::<f64>() / data.len() as f64)
}

/// What `share` of the numbers are below, between two of them in proportion.
pub fn quantile(mut data: Vec<f64>, share: f64) -> Result<f64> {
    not_empty(&data)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(invalid("the share is between 0 and 1"));
    }
    data.sort_by(f64::total_cmp);
    let place = share * (data.len() - 1) as f64;
    let at = |place: f64| data.get(place as usize).copied().unwrap_or(f64::NAN);
    let (below, above) = (at(place.floor()), at(place.ceil()));
    let part = place.fract();
    finite(below * (1.0 - part) + above * part)
}

/// How many are in each of `parts` equal parts, and where these begin and end.
pub fn histogram(data: &[f64], parts: u32) -> Result<(Vec<i64>, Vec<f64>)> {
    if !(1..=1000).contains(&parts) {
        return Err(invalid("there are between 1 and 1000 parts"));
    }
    let low = quantile(data.to_vec(), 0.0)?;
    let high = quantile(data.to_vec(), 1.0)?;
    let width = finite(high - low)? / f64::from(parts);
    let mut counts = vec![0; parts as usize];
    for x in data {
        let part = ((x - low) / width) as usize;
        let last = counts.len() - 1;
        if let Some(count) = counts.get_mut(part.min(last)) {
            *count += 1;
        }
    }
    let edges = (0..=parts).map(|part| low + width * f64::from(part));
    Ok((counts, edges.collect()))
}

/// The mean of each and those before it, `width` together at most.
pub fn moving_mean(data: &[f64], width: usize) -> Result<NdArray<f64>> {
    let width = width.max(1);
    let mut sum = 0.0;
    let means = data.iter().enumerate().map(|(at, x)| {
        sum += x;
        if let Some(gone) = at.checked_sub(width).and_then(|at| data.get(at)) {
            sum -= gone;
        }
        sum / width.min(at + 1) as f64
    });
    line(means.collect())
}

fn not_empty(data: &[f64]) -> Result<()> {
    match data.is_empty() {
        true => Err(invalid("the array is empty")),
        false => Ok(()),
    }
}
