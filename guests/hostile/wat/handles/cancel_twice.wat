;; Cancels a task of the host twice.

(import "timer" "[async-lower]sleep" (func $sleep (param i32) (result i32)))
(import "$root" "[subtask-cancel]" (func $cancel (param i32) (result i32)))
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $task i32)
  (local.set $task (i32.shr_u (call $sleep (i32.const 3600000)) (i32.const 4)))
  (drop (call $cancel (local.get $task)))
  (drop (call $cancel (local.get $task)))
  (i32.const 3072))
