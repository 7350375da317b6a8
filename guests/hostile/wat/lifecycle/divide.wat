;; Divides by zero.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (i32.div_u (i32.const 1) (i32.const 0)))
  (i32.const 3072))
