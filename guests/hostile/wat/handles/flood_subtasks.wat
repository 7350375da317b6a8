;; Begins to sleep and never looks whether it has slept, without end.

(import "timer" "[async-lower]sleep" (func $sleep (param i32) (result i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $ever (drop (call $sleep (i32.const 3600000))) (br $ever)) unreachable)
