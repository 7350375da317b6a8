;; Makes an integer of what is no number.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (i32.trunc_f64_s (f64.const nan)))
  (i32.const 3072))
