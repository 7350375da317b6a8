;; Gives way once and spins in its callback.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 1))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (loop $ever (br $ever)) unreachable)
