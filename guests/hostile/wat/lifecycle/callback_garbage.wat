;; Answers its callback with a code that there is not.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 15))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const -1))
