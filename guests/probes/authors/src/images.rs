//! Pictures, as arrays.

use external_worker::prelude::*;

/// Most pixels of a picture.
const MAX_PIXELS: i64 = 4096 * 2160;

/// Nothing but nodes.
#[derive(Default)]
pub struct Images;

#[external_worker(id = "images", title = "Images")]
impl Images {
    /// A gradient.
    #[node]
    fn gradient(&self, width: i64, height: i64) -> Result<NdArray<u8>> {
        let is_small = |side: &i64| (1..=4096).contains(side);
        if !is_small(&width) || !is_small(&height) || width * height > MAX_PIXELS {
            return Err(Error::invalid_input("width: at most 4096 x 2160 pixels"));
        }
        let row = (0..width).map(|x| (x * 255 / width) as u8);
        let rows: Vec<u8> = (0..height).flat_map(|_| row.clone()).collect();
        NdArray::new([height as usize, width as usize], rows)
    }

    /// The other way round.
    #[node]
    fn inverted(&self, picture: NdArray<f64>) -> Result<NdArray<f64>> {
        let most = picture.data().iter().copied().fold(0.0, f64::max);
        let shape = picture.shape().to_vec();
        let data = picture.into_data().into_iter();
        NdArray::new(shape, data.map(|value| most - value).collect())
    }

    /// How many values there are of each tenth between the least and the greatest.
    #[node]
    fn histogram(&self, picture: NdArray<f64>) -> Result<Vec<i64>> {
        let values = || {
            picture
                .data()
                .iter()
                .copied()
                .filter(|value| value.is_finite())
        };
        let (least, most) = values().fold((f64::MAX, f64::MIN), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let mut bins = vec![0; 10];
        for value in values() {
            let part = (value - least) / (most - least);
            let bin = (part * 10.0).clamp(0.0, 9.0) as usize;
            bins[bin] += 1;
        }
        Ok(bins)
    }
}
