;; Answers at an address beyond its memory.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const -8))
