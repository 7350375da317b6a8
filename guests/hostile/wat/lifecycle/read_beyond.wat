;; Reads beyond its memory.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (i64.load (i32.const -1)))
  (i32.const 3072))
