;; Has the host write an answer beyond its memory.

(import "host" "get-node-class" (func $get (param i32 i32 i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $get (i32.const 2096) (i32.const 6) (i32.const -4))
  (i32.const 3072))
