;; Asks the host to log from as deep in its stack as it can.

(import "host" "log" (func $log (param i32 i32 i32)))
(func $deeper (param i32) (result i32)
  (call $log (i32.const 0) (i32.const 2048) (i32.const 7))
  (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (drop (call $deeper (i32.const 0)))
  (i32.const 3072))
