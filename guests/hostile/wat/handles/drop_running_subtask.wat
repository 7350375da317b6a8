;; Drops a task that is not through.

(import "timer" "[async-lower]sleep" (func $sleep (param i32) (result i32)))
(import "$root" "[subtask-drop]" (func $drop (param i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $drop (i32.shr_u (call $sleep (i32.const 3600000)) (i32.const 4)))
  (i32.const 3072))
