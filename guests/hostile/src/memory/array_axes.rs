//! Answers with an array of a hundred thousand axes.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        let shape = vec![1; 100_000];
        out(Value::Array(Ndarray { dtype: Dtype::U8, shape, data: vec![1] }))
    }
}
