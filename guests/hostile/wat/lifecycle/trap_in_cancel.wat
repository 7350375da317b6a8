;; Yields without end and ends itself when it is asked to stop that.

(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (i32.const 1))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 1))
(func (export "worker#cancel") (param i64) unreachable)
