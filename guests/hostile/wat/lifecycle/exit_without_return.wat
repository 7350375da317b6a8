;; Ends a call without an answer.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 0))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 0))
