;; Answers with a text that is no UTF-8.

(data (i32.const 8192) "\ff\fe\c0\80\ed\a0\80")
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 4096) (i32.const 1))
  (i32.store (i32.const 4100) (i32.const 5))
  (i32.store (i32.const 4104) (i32.const 8192))
  (i32.store (i32.const 4108) (i32.const 7))
  (i32.const 4096))
