;; Copies from within its memory to beyond it.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (memory.copy (i32.const 262000) (i32.const 0) (i32.const 1000))
  (i32.const 3072))
