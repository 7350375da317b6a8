;; Answers with a text that ends beyond its memory.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 1))
  (i32.store (i32.const 4100) (i32.const 5))
  (i32.store (i32.const 4104) (i32.const 262000))
  (i32.store (i32.const 4108) (i32.const 1000000))
  (i32.const 4096))
