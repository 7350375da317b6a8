;; Answers a call and spins on.

(import "[export]worker" "[task-return]call" (func $return (param i32 i32 i32 i32)))
(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (loop $ever (br $ever)) unreachable)
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 0))
