;; Waits for a set of waitables that it does not have.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 0x7fffff2))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 0))
