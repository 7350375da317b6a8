;; Divides so that the result does not fit.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (i32.div_s (i32.const -2147483648) (i32.const -1)))
  (i32.const 3072))
