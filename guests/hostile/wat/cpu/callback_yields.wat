;; Gives way in its callback all the time and never returns.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 1))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 1))
